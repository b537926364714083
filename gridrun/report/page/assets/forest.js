// Differences to the reference, and effects of parameters, with their intervals, drawn from the tables that have them.
"use strict";
const drawForest = (table, name, { mark, named, label, how, title, exported = (row) => row }) => {
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const at = (name) => heads.indexOf(name);
  if ([at(mark), at("from"), at("to")].includes(-1)) return;
  const value = (cell) => (cell.textContent.trim() === "-" ? null : Number(cell.textContent.replaceAll(",", "")));
  // tables of the same rows under other views of failures stand beside this one
  const views = [...table.closest("section").querySelectorAll("[data-view]")];
  const key = `${name}.failures`;
  const view = () => views.find((one) => one.dataset.view === Report.get(key, "")) ?? views[0];
  const read = (place) => [...(place?.querySelector("table") ?? table).tBodies[0].rows].map(({ cells }) => ({
    ...named([...cells].slice(0, at(mark)).map((cell) => cell.textContent.trim())),
    [mark]: value(cells[at(mark)]),
    from: value(cells[at("from")]),
    to: value(cells[at("to")]),
    ...(at("failed") < 0 ? {} : { failed: value(cells[at("failed")]) }),
    ...(place ? { failures: place.dataset.view } : {}),
  }));
  const has = (row) => row[mark] !== null;
  if (![table, ...views].some((place) => read(place === table ? null : place).some(has))) return;
  let all = read(view());
  let found;
  const equivalent = Number(table.dataset.equivalent ?? "NaN");
  const classifiers = [...new Set(all.map((row) => row.classifier))];
  const names = [...new Set(all.map((row) => row.method))];
  const symbols = ["circle", "triangle", "square", "diamond", "star", "cross"];
  const figure = Report.element("figure", {}, Report.element("figcaption", {},
    how));
  (table.closest(".wide") ?? table).before(figure);

  const draw = (width) => {
    all = read(view());
    found = all.filter(has);
    for (const one of views) {
      one.hidden = one !== view();
      if (one.matches("details")) one.open = !one.hidden;
    }
    const colours = Report.palette();
    const step = Math.max(26, 13 * classifiers.length + 8);
    const left = Math.min(Math.max(...names.map((name) => name.length), 4) * 7 + 14, width * 0.42);
    const shift = (one) => (one - (classifiers.length - 1) / 2) * 13;
    return Plot.plot({
      width,
      height: names.length * step + 88,
      marginLeft: left,
      marginRight: all.some((row) => row.failed) ? 62 : 18,
      marginTop: 42,
      marginBottom: 46,
      style: { background: "transparent", color: Report.colour("ink"), fontSize: "12px", fontFamily: "inherit" },
      x: { label, grid: true, nice: true, labelOffset: 40, ticks: Math.max(3, Math.round(width / 130)) },
      y: { domain: names, label: null, padding: 0.1, type: "band" },
      marks: [
        ...(equivalent > 0 ? [Plot.rect([0], { x1: -equivalent, x2: equivalent, fill: Report.colour("quiet"), fillOpacity: 0.2 })] : []),
        Plot.ruleX([0], { stroke: Report.colour("ink") }),
        ...classifiers.flatMap((classifier, one) => {
          const own = found.filter((row) => row.classifier === classifier);
          const stroke = colours[one % colours.length];
          const dy = shift(one);
          return [
            Plot.link(own.filter((row) => row.from !== null && row.to !== null), { x1: "from", x2: "to", y1: "method", y2: "method", dy, stroke, strokeWidth: 2 }),
            Plot.dot(own, { x: mark, y: "method", dy, r: 4, stroke, fill: Report.colour("paper"), symbol: symbols[one % symbols.length],
              title: (row) => `${[row.method, classifier].filter(Boolean).join(", ")}: ${row[mark]} (${row.from ?? "-"} to ${row.to ?? "-"})` }),
            Plot.text(all.filter((row) => row.classifier === classifier && row.failed), { frameAnchor: "right", y: "method", dy, textAnchor: "start", dx: 4,
              text: (row) => `${row.failed} failed`, fill: Report.colour("alert"), fontSize: 10 }),
            ...(classifier ? [Plot.dot([0], { frameAnchor: "top-left", dx: 5 + one * 90, dy: -26, r: 4, stroke, symbol: symbols[one % symbols.length] }),
            Plot.text([classifier], { frameAnchor: "top-left", dx: 14 + one * 90, dy: -32, textAnchor: "start", fill: stroke, fontWeight: 600 })] : []),
          ];
        }),
      ],
    });
  };

  Report.figure(figure, name, {
    draw,
    rows: () => all.map(exported),
    title: () => (views.length ? `${title}; failures: ${view().dataset.view}` : title),
    controls: (changed) => (views.length
      ? [Report.choice(key, "Failures", views.map(({ dataset }) => [dataset.view, dataset.view]), views[0].dataset.view, changed)]
      : []),
  });
};

Report.onTable("differences-table", (table, prefix) => drawForest(table, `${prefix}differences`, {
  mark: "difference",
  named: (texts) => ({ method: texts.slice(0, -1).join(" "), classifier: texts.at(-1) }),
  label: "difference to the reference →",
  how: "How to read it: each mark is a mean difference to the reference, and the line its interval of 95 %. "
    + "An interval that has no zero in it is a difference on this data set, one that lies in the grey band as a whole is none that matters, "
    + "and any other leaves the question open. The table below has the numbers.",
  title: "Differences to the reference with intervals; the table below has the numbers",
}));

Report.onTable("effects-main", (table, prefix) => drawForest(table, `${prefix}effects`, {
  mark: "effect",
  named: ([parameter, value]) => ({ method: `${parameter}=${value}`, classifier: "" }),
  exported: ({ method, classifier, ...numbers }) => ({ value: method, ...numbers }),
  label: "effect on the metric →",
  how: "How to read it: each mark is the effect of a value of a parameter, and the line its interval of 95 %; the widest parameter comes first. "
    + "The marks of one parameter lie around zero, and an interval that has no zero in it is an effect in this grid; any other leaves the question open. "
    + "The table below has the numbers.",
  title: "Effects of the values of parameters with intervals; the table below has the numbers",
}));
