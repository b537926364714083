// Parallel axes with ribbons: what is counted, where it is, and drawing on a canvas or as SVG.
"use strict";
const Axes = (() => {
  const BINS = 24;

  // Neighbouring axes are counted together, in cells of all their values, as long as these are few;
  // counts of pairs are sums over cells. So a row is counted a few times, not once for each axis.
  const CELLS = 4096;

  // One double holds a count and a sum of whole numbers: count * WEIGHT + sum, both exact.
  const WEIGHT = 2 ** 34;

  const groupsOf = (axes, rows) => {
    const groups = [];
    let first = 0;
    while (first < axes.length - 1) {
      let last = first + 1;
      let cells = axes[first].size * axes[last].size;
      while (last + 1 < axes.length && cells * axes[last + 1].size <= CELLS) cells *= axes[++last].size;
      const joint = new Uint16Array(rows);
      for (let axis = first; axis <= last; axis++) {
        const { codes, size } = axes[axis];
        for (let row = 0; row < rows; row++) joint[row] = joint[row] * size + codes[row];
      }
      const pairs = [];
      let after = cells;
      for (let axis = first; axis < last; axis++) {
        const [one, other] = [axes[axis].size, axes[axis + 1].size];
        after /= one;
        const behind = after / other;
        const size = one * other;
        const pair = { of: new Uint16Array(cells) };
        for (const [name, kind] of [["count", Uint32Array], ["known", Uint32Array], ["sum", Float64Array], ["all", Uint32Array]]) pair[name] = new kind(size);
        for (let cell = 0; cell < cells; cell++) pair.of[cell] = Math.floor(cell / behind) % size;
        pairs.push(pair);
      }
      groups.push({ joint, pairs, cells: new Float64Array(cells), lack: new Uint32Array(cells) });
      first = last;
    }
    return groups;
  };

  // A selection of rows by axis: bit k of a row is set where axis k leaves it out. metric has the
  // numbers that are summed, as { weighted, lacking, shrunk }.
  class Selection {
    constructor(axes, metric, rows) {
      Object.assign(this, { axes, metric, rows });
      this.out = new Uint32Array(rows);
      this.kept = new Uint32Array(rows);
      this.size = 0;
      this.groups = groupsOf(axes, rows);
      this.pairs = this.groups.flatMap((group) => group.pairs);
      this.count();
      for (const pair of this.pairs) pair.all.set(pair.count);
    }

    // keep is a function from a row to whether the axis keeps it; null for all
    filter(at, keep) {
      const { out, rows } = this;
      const bit = 1 << at;
      const clear = ~bit;
      const { codes, size, from, to, values } = { ...this.axes[at], ...keep };
      if (!keep) for (let row = 0; row < rows; row++) out[row] &= clear;
      else if (keep.set) {
        const mask = new Uint32Array(size);
        for (let value = 0; value < size; value++) mask[value] = keep.set.has(value) ? 0 : bit;
        for (let row = 0; row < rows; row++) out[row] = (out[row] & clear) | mask[codes[row]];
      } else {
        for (let row = 0; row < rows; row++) {
          const value = values[row];
          out[row] = value >= from && value <= to ? out[row] & clear : out[row] | bit;
        }
      }
    }

    count() {
      const { out, kept, rows, metric: { weighted, lacking, shrunk } } = this;
      let size = 0;
      for (let row = 0; row < rows; row++) {
        kept[size] = row;
        size += out[row] === 0 ? 1 : 0;
      }
      this.size = size;
      for (const { joint, cells, lack, pairs } of this.groups) {
        cells.fill(0);
        lack.fill(0);
        for (let at = 0; at < size; at++) {
          const row = kept[at];
          cells[joint[row]] += weighted[row];
        }
        for (const row of lacking) if (out[row] === 0) lack[joint[row]]++;
        for (const { of, count, known, sum } of pairs) {
          count.fill(0);
          known.fill(0);
          sum.fill(0);
          for (let cell = 0; cell < cells.length; cell++) {
            const both = cells[cell];
            if (both === 0) continue;
            const number = Math.round(both / WEIGHT);
            const pair = of[cell];
            count[pair] += number;
            known[pair] += number - lack[cell];
            sum[pair] += (both - number * WEIGHT) * shrunk;
          }
        }
      }
    }
  }

  // What a selection sums of a column: each row's weight and number; numbers of four bytes are
  // shrunk to fit beside the count, which colours alone show.
  const summed = ({ values, none }, rows) => {
    const shrunk = values.BYTES_PER_ELEMENT > 2 ? 2 ** 16 : 1;
    const weighted = new Float64Array(rows);
    const lacking = [];
    for (let row = 0; row < rows; row++) {
      const value = values[row];
      if (value === none) lacking.push(row);
      weighted[row] = WEIGHT + (value === none ? 0 : Math.round(value / shrunk));
    }
    return { weighted, lacking, shrunk };
  };

  // Bins of a metric between its least and largest value; the last one is for no value.
  const binned = (column, rows) => {
    const { values, none, unit, decimals } = column;
    let least = Infinity;
    let most = -Infinity;
    for (let row = 0; row < rows; row++) {
      const value = values[row];
      if (value !== none) {
        if (value < least) least = value;
        if (value > most) most = value;
      }
    }
    if (least > most) [least, most] = [0, 0];
    const width = Math.max(1, (most - least + 1) / BINS);
    const codes = new Uint8Array(rows);
    for (let row = 0; row < rows; row++) {
      const value = values[row];
      codes[row] = value === none ? BINS : Math.min(BINS - 1, ((value - least) / width) | 0);
    }
    return { codes, size: BINS + 1, least, most, values, unit, decimals, none };
  };

  // Along: the place on an axis; across: from axis to axis. Narrow pages have axes lie flat.
  const layout = (axes, width) => {
    const flat = width < 480 || width / axes.length < 76;
    const across = flat ? 74 : (width - 130) / Math.max(1, axes.length - 1);
    const height = flat ? across * (axes.length - 1) + 60 : 400;
    const start = flat ? 8 : 46;
    const end = flat ? width - 8 : height - 14;
    const first = flat ? 26 : 12;
    return { flat, width, height, start, end, place: (axis) => first + axis * across, along: end - start };
  };

  // Where each value of each axis begins and how long it is: in proportion to all its rows.
  const scales = (selection, box) => selection.axes.map((axis, at) => {
    const total = new Float64Array(axis.size);
    const now = new Float64Array(axis.size);
    const sum = new Float64Array(axis.size);
    const next = selection.pairs[at];
    const pair = next ?? selection.pairs[at - 1];
    const { size } = next ? selection.axes[at + 1] : axis;
    for (let one = 0; one < pair.count.length; one++) {
      const value = next ? (one / size) | 0 : one % size;
      total[value] += pair.all[one];
      now[value] += pair.count[one];
      sum[value] += pair.sum[one];
    }
    const gap = axis.numeric ? 0 : Math.min(10, (box.along * 0.2) / axis.size);
    const usable = box.along - gap * (axis.size - 1);
    const begin = new Float64Array(axis.size + 1);
    let place = box.start;
    // a metric's axis has its bins in equal steps, the largest value on top
    const lengths = Array.from(total, (count) =>
      axis.numeric ? usable / axis.size : (usable * count) / Math.max(1, selection.rows));
    for (let step = 0; step < axis.size; step++) {
      const value = axis.numeric && !box.flat ? axis.size - 1 - step : step;
      begin[value] = place;
      place += lengths[value] + gap;
    }
    return { total, now, sum, begin, lengths };
  });

  const shapes = (selection, box, paint) => {
    const placed = scales(selection, box);
    const ribbons = [];
    const point = (axis, along) => (box.flat ? `${along.toFixed(1)},${axis.toFixed(1)}` : `${axis.toFixed(1)},${along.toFixed(1)}`);
    selection.pairs.forEach((pair, at) => {
      const [left, right] = [placed[at], placed[at + 1]];
      const size = selection.axes[at + 1].size;
      const usedLeft = new Float64Array(left.begin.length);
      const usedRight = new Float64Array(right.begin.length);
      const [x0, x1] = [box.place(at), box.place(at + 1)];
      const middle = (x0 + x1) / 2;
      for (let one = 0; one < pair.all.length; one++) {
        const all = pair.all[one];
        if (!all) continue;
        const [a, b] = [(one / size) | 0, one % size];
        const [wideA, wideB] = [(left.lengths[a] * all) / left.total[a], (right.lengths[b] * all) / right.total[b]];
        const share = pair.count[one] / all;
        const [y0, y1] = [left.begin[a] + usedLeft[a], right.begin[b] + usedRight[b]];
        usedLeft[a] += wideA;
        usedRight[b] += wideB;
        const band = (part) => `M${point(x0, y0)}C${point(middle, y0)} ${point(middle, y1)} ${point(x1, y1)}`
          + `L${point(x1, y1 + wideB * part)}C${point(middle, y1 + wideB * part)} ${point(middle, y0 + wideA * part)} ${point(x0, y0 + wideA * part)}Z`;
        if (share < 1) ribbons.push({ d: band(1), fill: paint.grey, opacity: 0.16 });
        if (share) ribbons.push({ d: band(share), fill: pair.known[one] ? paint.of(pair.sum[one] / pair.known[one]) : paint.grey, opacity: 0.72 });
      }
    });
    return { ribbons, placed };
  };

  return { BINS, Selection, binned, summed, layout, shapes };
})();
