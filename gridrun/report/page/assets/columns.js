// Columns of the whole grid: unpacking, sorting, selecting and counting, on typed arrays alone.
"use strict";
const Columns = (() => {
  const fromBase64 = (text) => {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const signs = atob(text);
    const found = new Uint8Array(signs.length);
    for (let at = 0; at < signs.length; at++) found[at] = signs.charCodeAt(at);
    return found;
  };

  const bytes = async (text) => {
    const packed = fromBase64(text);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  // The low bytes of all rows come first, then the next ones; the smallest number is none.
  const unpack = async (heads, rows, text) => {
    const plain = await bytes(text);
    const found = {};
    let at = 0;
    for (const { name, decimals, bytes: size } of heads) {
      const values = size === 2 ? new Int16Array(rows) : new Int32Array(rows);
      const raw = new Uint8Array(values.buffer);
      for (let plane = 0; plane < size; plane++) {
        for (let row = 0, to = plane; row < rows; row++, to += size) raw[to] = plain[at++];
      }
      found[name] = { name, values, unit: 10 ** -decimals, decimals, none: size === 2 ? -32768 : -2147483648 };
    }
    return found;
  };

  const read = (column, row) => {
    const value = column.values[row];
    return value === column.none ? null : value * column.unit;
  };

  // A column with the values of another one in some of its rows.
  const laid = (plain, rows, other) => {
    const wide = plain.values.BYTES_PER_ELEMENT > 2 || other.values.BYTES_PER_ELEMENT > 2;
    const none = wide ? -2147483648 : -32768;
    const values = wide ? Int32Array.from(plain.values, (value) => (value === plain.none ? none : value)) : plain.values.slice();
    rows.values.forEach((row, at) => { values[row] = other.values[at] === other.none ? none : other.values[at]; });
    return { ...plain, values, none };
  };

  // Rows in the order of a column, stable: by counting, sixteen bits at a time. What is no number
  // is the smallest value, and stands last either way.
  const sorted = (values, descending, none) => {
    const rows = values.length;
    let order = new Uint32Array(rows);
    let spare = new Uint32Array(rows);
    for (let row = 0; row < rows; row++) order[row] = row;
    const passes = values.BYTES_PER_ELEMENT > 2 ? [0, 16] : [0];
    const top = values.BYTES_PER_ELEMENT > 2 ? 0x80000000 : values.BYTES_PER_ELEMENT > 1 ? 0x8000 : 0;
    for (const shift of passes) {
      const counts = new Uint32Array(65537);
      const key = (value) => {
        const plain = value === none ? 0xffffffff : descending ? ~(value + top) : value + top;
        return (plain >>> shift) & 0xffff;
      };
      for (let row = 0; row < rows; row++) counts[key(values[row]) + 1]++;
      for (let at = 0; at < 65536; at++) counts[at + 1] += counts[at];
      for (let at = 0; at < rows; at++) {
        const row = order[at];
        spare[counts[key(values[row])]++] = row;
      }
      [order, spare] = [spare, order];
    }
    return order;
  };

  // Position of the value of each axis in each row. Combinations are numbered as an odometer runs:
  // the last axis fastest; rows are those of the first classifier, then of the next.
  const codes = (data, columns) => {
    const { sizes, combinations, classifiers } = data;
    const rows = data.rows;
    const found = sizes.map(() => new Uint8Array(rows));
    const number = columns.combination;
    for (let row = 0; row < combinations; row++) {
      let left = number ? number.values[row] - 1 : row;
      for (let axis = sizes.length - 1; axis >= 0; axis--) {
        const size = sizes[axis];
        found[axis][row] = left % size;
        left = (left / size) | 0;
      }
    }
    for (const one of found) {
      for (let at = 1; at < classifiers.length; at++) one.copyWithin(at * combinations, 0, combinations);
    }
    if (classifiers.length > 1) {
      const own = new Uint8Array(rows);
      classifiers.forEach((_, at) => own.fill(at, at * combinations, (at + 1) * combinations));
      found.push(own);
    }
    return found;
  };

  return { unpack, read, laid, sorted, codes };
})();
