// The whole grid: parallel axes to brush, filters for the keyboard, and a table of what is kept.
"use strict";
Report.figures.explorer = async (place, data) => {
  const { element, get, set, choice, colour } = Report;
  const prefix = place.dataset.from.replace(/-data$/, "");
  const key = (name) => `${prefix}.${name}`;
  const columns = await Columns.unpack(data.columns, data.rows, document.getElementById(place.dataset.packed).textContent);
  const found = Columns.codes(data, columns);
  const named = [...data.axes];
  if (data.classifiers.length > 1) named.push({ name: "classifier", values: data.classifiers });
  const names = data.metrics.map(({ name }) => name);
  const smaller = new Map(data.metrics.map((one) => [one.name, one.smaller]));
  const metric = () => (names.includes(get(key("metric"), names[0])) ? get(key("metric"), names[0]) : names[0]);

  // Other views of failures: means and errors of the rows in which they differ, laid over all rows.
  const views = data.views ?? [];
  const others = data.others ? await Columns.unpack(data.others.columns, data.others.rows, data.others.text) : {};
  const viewName = () => (views.some(([name]) => name === get(key("failures"), "")) ? get(key("failures"), "") : views[0]?.[0]);
  let laid = {};
  const column = (name = metric(), kind = "mean") => {
    const at = `${viewName()} ${kind} ${name}`;
    const [plain, other] = [columns[`${kind} ${name}`], others[at]];
    if (!other) return plain;
    laid[at] ??= Columns.laid(plain, others.row, other);
    return laid[at];
  };
  const shownColumn = (name) => {
    const [, kind, own] = /^(mean|se) (.*)$/.exec(columns[name] ? name : "") ?? [];
    return kind ? column(own, kind) : columns[name];
  };
  const differs = (others.row?.values.length ?? 0) > 0;

  let selection;
  let order;
  let view = new Uint32Array(data.rows);
  let chosen = new Map();

  // ---- what is kept ----
  const build = () => {
    const last = { name: `mean ${metric()}`, numeric: true, ...Axes.binned(column(), data.rows) };
    const axes = [...named.map((axis, at) => ({ name: axis.name, labels: axis.values, size: axis.values.length, codes: found[at] })), last];
    selection = new Axes.Selection(axes, Axes.summed(column(), data.rows), data.rows);
    chosen = new Map();
    axes.forEach((axis, at) => {
      const text = get(key(axis.numeric ? "range" : `keep.${axis.name}`), "");
      if (!text) return;
      if (axis.numeric) {
        const [from, to] = text.split("_").map(Number);
        if (from <= to) chosen.set(at, { from: Math.round(from / axis.unit), to: Math.round(to / axis.unit) });
      } else {
        const kept = new Set(text.split("~").map((value) => axis.labels.indexOf(value)).filter((value) => value >= 0));
        if (kept.size) chosen.set(at, { set: kept });
      }
    });
    for (const [at, keep] of chosen) selection.filter(at, keep);
    selection.count();
  };

  const sort = () => {
    const [name, way] = get(key("sort"), `mean ${metric()}:${smaller.get(metric()) ? "up" : "down"}`).split(/:(?=[^:]*$)/);
    const at = named.findIndex((axis) => axis.name === name);
    const one = at >= 0 ? { values: found[at] } : shownColumn(name) ?? column();
    const start = performance.now();
    order = Columns.sorted(one.values, way === "down", one.none);
    measured.sort.push(performance.now() - start);
  };

  const keepView = () => {
    const { out } = selection;
    let size = 0;
    for (let at = 0; at < order.length; at++) {
      const row = order[at];
      view[size] = row;
      size += out[row] === 0 ? 1 : 0;
    }
  };

  // how long the page's own code took, for those who measure it: milliseconds
  const measured = { brush: [], draw: [], sort: [] };
  place.measured = measured;

  const brush = (at, keep) => {
    const start = performance.now();
    if (keep) chosen.set(at, keep);
    else chosen.delete(at);
    selection.filter(at, keep);
    selection.count();
    keepView();
    measured.brush.push(performance.now() - start);
    const axis = selection.axes[at];
    const decimal = (value) => (value * axis.unit).toFixed(axis.decimals);
    if (axis.numeric) set(key("range"), keep ? `${decimal(keep.from)}_${decimal(keep.to)}` : "", "");
    else set(key(`keep.${axis.name}`), keep ? [...keep.set].sort((a, b) => a - b).map((value) => axis.labels[value]).join("~") : "", "");
    show();
  };

  // ---- the figure ----
  const canvas = element("canvas", { role: "img" });
  const said = element("p", { "aria-live": "polite" });
  let box;
  let placed;

  const paint = () => {
    const { least, most } = selection.axes.at(-1);
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    // from pale to dark (on a dark page from dark to bright): one hue, read by lightness alone
    const [worst, best] = isDark ? [[38, 62, 92], [255, 214, 102]] : [[198, 219, 239], [8, 48, 107]];
    return {
      grey: colour("quiet"),
      of: (value) => {
        const share = Math.min(1, Math.max(0, (value - least) / Math.max(1, most - least)));
        const part = smaller.get(metric()) ? 1 - share : share;
        return `rgb(${worst.map((from, at) => Math.round(from + (best[at] - from) * part)).join(",")})`;
      },
    };
  };

  const texts = () => selection.axes.flatMap((axis, at) => {
    const across = box.place(at);
    const { begin, lengths, now } = placed[at];
    const last = at === selection.axes.length - 1;
    const title = { text: axis.name, bold: true, x: box.flat ? box.start : across, y: box.flat ? across - 12 : at % 2 ? 32 : 14, anchor: box.flat || !last ? "start" : "start" };
    const labels = axis.numeric
      ? [[0, axis.least], [Axes.BINS - 1, axis.most]].map(([bin, value]) => [bin, (value * axis.unit).toFixed(2)])
      : axis.labels.map((text, value) => [value, text]);
    const shown = labels.filter(([value]) => axis.numeric || lengths[value] > 8).map(([value, text]) => {
      const middle = begin[value] + lengths[value] / 2;
      const room = box.flat ? (axis.numeric ? 16 : lengths[value] / 6.2) : last ? 16 : (box.place(1) - box.place(0) - 16) / 6.2;
      const short = text.length > room ? `${text.slice(0, Math.max(1, room - 1))}…` : text;
      const faint = !axis.numeric && !now[value];
      return box.flat
        ? { text: short, x: middle, y: across + 13, anchor: axis.numeric ? (value ? "end" : "start") : "middle", faint }
        : { text: short, x: across + 9, y: middle + 4, anchor: "start", faint };
    });
    return [title, ...shown];
  });

  const bands = () => selection.axes.flatMap((axis, at) => Array.from(placed[at].begin.slice(0, axis.size), (from, value) => {
    const [x, y, w, h] = box.flat ? [from, box.place(at) - 3, placed[at].lengths[value], 6] : [box.place(at) - 3, from, 6, placed[at].lengths[value]];
    return { x, y, w: Math.max(w, 0.5), h: Math.max(h, 0.5), kept: placed[at].now[value] > 0 };
  }));

  const draw = () => {
    const width = place.clientWidth;
    if (!width) return;
    const start = performance.now();
    box = Axes.layout(selection.axes, width);
    const made = Axes.shapes(selection, box, paint());
    placed = made.placed;
    const scale = devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = box.height * scale;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${box.height}px`;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    for (const { d, fill, opacity } of made.ribbons) {
      pen.globalAlpha = opacity;
      pen.fillStyle = fill;
      pen.fill(new Path2D(d));
    }
    pen.globalAlpha = 1;
    const [ink, quiet, paper] = [colour("ink"), colour("quiet"), colour("paper")];
    for (const { x, y, w, h, kept } of bands()) {
      pen.fillStyle = kept ? ink : quiet;
      pen.fillRect(x, y, w, h);
    }
    pen.lineJoin = "round";
    for (const { text, x, y, anchor, bold, faint } of texts()) {
      pen.font = `${bold ? "600 " : ""}12px system-ui, sans-serif`;
      pen.textAnchor = anchor;
      pen.textAlign = { start: "left", middle: "center", end: "right" }[anchor];
      pen.strokeStyle = paper;
      pen.lineWidth = 3;
      pen.strokeText(text, x, y);
      pen.fillStyle = faint ? quiet : ink;
      pen.fillText(text, x, y);
    }
    measured.draw.push(performance.now() - start);
  };

  const svg = () => {
    const made = Axes.shapes(selection, box, paint());
    const safe = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    const [ink, paper] = [colour("ink"), colour("paper")];
    return `<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="${box.width}" height="${box.height}" font-family="sans-serif" font-size="12" style="background:${paper}">`
      + made.ribbons.map(({ d, fill, opacity }) => `<path d="${d}" fill="${fill}" fill-opacity="${opacity}"/>`).join("")
      + bands().map(({ x, y, w, h }) => `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${ink}"/>`).join("")
      + texts().map(({ text, x, y, anchor, bold }) => `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${ink}" stroke="${paper}" stroke-width="3" paint-order="stroke" font-weight="${bold ? 600 : 400}">${safe(text)}</text>`).join("")
      + "</svg>";
  };

  // ---- brushing ----
  const spot = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    return box.flat ? { across: y, along: x } : { across: x, along: y };
  };
  const nearest = (across) => selection.axes.reduce((best, _, at) => (
    Math.abs(box.place(at) - across) < Math.abs(box.place(best) - across) ? at : best), 0);
  const between = (at, from, to) => {
    const axis = selection.axes[at];
    const { begin, lengths } = placed[at];
    const inside = Array.from({ length: axis.size }, (_, value) => value)
      .filter((value) => begin[value] + lengths[value] >= from && begin[value] <= to && lengths[value] > 0);
    if (!inside.length) return null;
    if (!axis.numeric) return inside.length === axis.size ? null : { set: new Set(inside) };
    const bins = inside.filter((value) => value < Axes.BINS);
    if (!bins.length) return null;
    const width = Math.max(1, (axis.most - axis.least + 1) / Axes.BINS);
    return { from: Math.ceil(axis.least + bins[0] * width), to: Math.min(axis.most, Math.ceil(axis.least + (bins.at(-1) + 1) * width) - 1) };
  };
  let pressed = null;
  canvas.addEventListener("pointerdown", (event) => {
    const { across, along } = spot(event);
    pressed = { at: nearest(across), along, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!pressed) return;
    const { along } = spot(event);
    if (Math.abs(along - pressed.along) < 4 && !pressed.moved) return;
    pressed.moved = true;
    brush(pressed.at, between(pressed.at, Math.min(along, pressed.along), Math.max(along, pressed.along)));
  });
  canvas.addEventListener("pointerup", () => {
    if (pressed && !pressed.moved) {
      const now = chosen.get(pressed.at);
      const one = between(pressed.at, pressed.along, pressed.along);
      const same = now?.set && one?.set && now.set.size === 1 && one.set.has([...now.set][0]);
      brush(pressed.at, same || selection.axes[pressed.at].numeric ? null : one);
    }
    pressed = null;
  });

  // ---- filters that need no pointer ----
  const filters = element("details", {}, element("summary", {}, "Filters"));
  const fillFilters = () => {
    const sets = selection.axes.map((axis, at) => {
      const legend = element("legend", {}, axis.name);
      if (axis.numeric) {
        const bound = (name, value) => element("input", { type: "number", step: axis.unit, value: (value * axis.unit).toFixed(axis.decimals), "aria-label": `${name} ${axis.name}`, onchange: changed });
        const now = chosen.get(at) ?? { from: axis.least, to: axis.most };
        const [from, to] = [bound("least", now.from), bound("most", now.to)];
        function changed() { brush(at, { from: Math.round(from.value / axis.unit), to: Math.round(to.value / axis.unit) }); }
        return element("fieldset", {}, legend, from, " to ", to);
      }
      const kept = chosen.get(at)?.set;
      const boxes = axis.labels.map((text, value) => {
        const tick = element("input", { type: "checkbox", checked: !kept || kept.has(value), onchange: () => {
          const now = new Set(boxes.flatMap(([one], position) => (one.checked ? [position] : [])));
          brush(at, now.size === axis.size ? null : { set: now });
        } });
        return [tick, element("label", {}, tick, text)];
      });
      return element("fieldset", {}, legend, ...boxes.map(([, label]) => label));
    });
    filters.replaceChildren(filters.firstChild, element("div", { class: "filters" }, ...sets));
  };

  // ---- the table: only the rows that are in sight are made ----
  const HEIGHT = 26;
  const MOST = 8_000_000;
  const heads = [...named.map(({ name }) => name), "n", "failed", ...names.flatMap((name) => [`mean ${name}`, `se ${name}`])];
  const isNumber = (name) => columns[name] !== undefined;
  const cells = (row) => [...named.map((axis, at) => axis.values[found[at][row]]),
    ...heads.slice(named.length).map((name) => {
      const one = shownColumn(name);
      const value = Columns.read(one, row);
      return value === null ? "-" : value.toFixed(one.decimals);
    })];
  const head = element("div", { role: "row", class: "head", "aria-rowindex": 1 });
  const body = element("div", { role: "rowgroup", class: "body" });
  const table = element("div", { role: "table", class: "virtual", tabindex: 0, "aria-label": "Rows that are kept" }, element("div", { role: "rowgroup" }, head), body);
  const fillHead = () => {
    const [now, way] = get(key("sort"), `mean ${metric()}:${smaller.get(metric()) ? "up" : "down"}`).split(/:(?=[^:]*$)/);
    head.replaceChildren(...heads.map((name) => element("div", { role: "columnheader", class: isNumber(name) ? "number" : "", "aria-sort": name !== now ? "none" : way === "down" ? "descending" : "ascending" },
      element("button", { type: "button", onclick: () => {
        set(key("sort"), `${name}:${name === now && way === "down" ? "up" : "down"}`, "");
        sort(); keepView(); fillHead(); table.scrollTop = 0; fillBody();
        head.children[heads.indexOf(name)].firstChild.focus();
      } }, `${name}${name === now ? (way === "down" ? " ▼" : " ▲") : ""}`))));
  };
  const fillBody = () => {
    const size = selection.size;
    const high = Math.min(size * HEIGHT, MOST);
    body.style.height = `${high}px`;
    // beyond what a browser can scroll, a pixel stands for more than its rows
    const stretch = size * HEIGHT > MOST ? (size * HEIGHT - table.clientHeight) / (MOST - table.clientHeight) : 1;
    const first = Math.max(0, Math.floor((table.scrollTop * stretch) / HEIGHT) - 2);
    const last = Math.min(size, first + Math.ceil(table.clientHeight / HEIGHT) + 5);
    const rows = [];
    for (let at = first; at < last; at++) {
      const top = at * HEIGHT - table.scrollTop * (stretch - 1);
      rows.push(element("div", { role: "row", "aria-rowindex": at + 2, style: `transform:translateY(${top}px)` },
        ...cells(view[at]).map((text, position) => element("div", { role: "cell", class: isNumber(heads[position]) ? "number" : "" }, text))));
    }
    body.replaceChildren(...rows);
    table.setAttribute("aria-rowcount", size + 1);
  };
  table.addEventListener("scroll", () => requestAnimationFrame(fillBody));

  const rows = () => Array.from(view.subarray(0, selection.size), (row) => Object.fromEntries([
    ["combination", columns.combination ? columns.combination.values[row] : (row % data.combinations) + 1],
    ...(data.classifiers.length > 1 ? [] : [["classifier", data.classifiers[0]]]),
    ...heads.map((name, at) => [name, cells(row)[at] === "-" ? null : cells(row)[at]])]));

  // ---- all together ----
  let waiting = false;
  const show = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
      const { values, none } = column();
      let total = 0;
      let known = 0;
      for (let at = 0; at < selection.size; at++) {
        const value = values[selection.kept[at]];
        if (value !== none) { total += value; known++; }
      }
      const mean = known ? (total / known * column().unit).toFixed(4) : "-";
      said.textContent = `${selection.size.toLocaleString("en")} of ${data.rows.toLocaleString("en")} rows are kept; ${differs ? `failures count as: ${views.find(([name]) => name === viewName())[1]}; ` : ""}the mean of their ${metric()} is ${mean}.`;
      canvas.setAttribute("aria-label", `Parallel axes of the grid. ${said.textContent} The table below has the rows.`);
      fillBody();
    });
  };
  const whole = () => { build(); sort(); keepView(); fillFilters(); fillHead(); show(); };
  const clear = () => {
    selection.axes.forEach((axis) => set(key(axis.numeric ? "range" : `keep.${axis.name}`), "", ""));
    whole();
  };
  const controls = () => [
    choice(key("metric"), "Metric", names.map((name) => [name, name]), names[0], () => { set(key("range"), "", ""); whole(); }),
    ...(views.length ? [choice(key("failures"), "Failures", views, views[0][0], () => { set(key("range"), "", ""); whole(); })] : []),
    element("button", { type: "button", onclick: clear }, "Keep all rows"),
    element("button", { type: "button", onclick: () => Report.save(`${prefix}.svg`, "image/svg+xml", svg()) }, "Save SVG"),
    element("button", { type: "button", onclick: () => Report.save(`${prefix}.csv`, "text/csv", Report.csv(rows())) }, "Save data (CSV)"),
  ];
  const bar = element("div", { class: "controls" }, ...controls());
  place.append(bar, canvas, filters, said, table);
  let width = place.clientWidth;
  new ResizeObserver(() => { if (place.clientWidth !== width) { width = place.clientWidth; show(); } }).observe(place);
  addEventListener("hashchange", () => { bar.replaceChildren(...controls()); whole(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  place.brush = brush;
  place.resort = (name, way) => { set(key("sort"), `${name}:${way}`, ""); sort(); keepView(); fillHead(); fillBody(); };
  place.selection = () => selection;
  whole();
  place.dataset.ready = "yes";
};
