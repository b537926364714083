// The leading metric by consequence: a row for each, a mark for each method and classifier.
"use strict";
Report.figures.consequences = (place, data) => {
  const { metric, classifiers, methods, points } = data;
  const prefix = place.dataset.from.replace(/-data$/, "");
  const key = (name) => `${prefix}.${name}`;
  const symbols = ["circle", "triangle", "square", "diamond", "star", "cross"];
  const known = (name, all, fallback) => {
    const asked = Report.get(key(name), fallback);
    return all.includes(asked) ? asked : fallback;
  };
  const shown = () => {
    const one = known("classifier", classifiers, "");
    return one ? [one] : classifiers;
  };
  const method = () => known("method", methods, "");
  const wanted = () => points.filter((one) => shown().includes(one.classifier));
  const rows = () => wanted().map(({ consequence, method: name, classifier, mean, n }) => ({
    consequence, [data.compared]: name, classifier, metric, mean, n,
  }));

  const draw = (width) => {
    const found = wanted().filter((one) => one.mean !== null);
    const most = new Map();
    for (const one of found) most.set(one.consequence, Math.max(most.get(one.consequence) ?? 0, one.n));
    const names = [...most.keys()].sort((one, other) => most.get(other) - most.get(one) || (one < other ? -1 : 1));
    const many = shown();
    const step = Math.max(26, 13 * many.length + 8);
    const left = Math.min(Math.max(...names.map((name) => name.length), 4) * 8 + 18, width * 0.42);
    const colours = Report.palette();
    const marks = many.flatMap((classifier, at) => {
      const all = classifiers.indexOf(classifier);
      const stroke = colours[all % colours.length];
      const dy = (at - (many.length - 1) / 2) * 13;
      const own = found.filter((one) => one.classifier === classifier);
      const title = (one) => `${one.consequence}, ${one.method}, ${classifier}: ${one.mean.toFixed(4)} (n ${one.n})`;
      const mark = { x: "mean", y: "consequence", dy, stroke, symbol: symbols[all % symbols.length], title };
      return [
        Plot.dot(own.filter((one) => one.method !== method()), { ...mark, r: 3.5, strokeOpacity: method() ? 0.45 : 0.85 }),
        Plot.dot(own.filter((one) => one.method === method()), { ...mark, r: 5, fill: stroke }),
        Plot.dot([0], { frameAnchor: "top-left", dx: 5 + at * 90, dy: -26, r: 4, stroke, symbol: symbols[all % symbols.length] }),
        Plot.text([classifier], { frameAnchor: "top-left", dx: 14 + at * 90, dy: -32, textAnchor: "start", fill: stroke, fontWeight: 600 }),
      ];
    });
    return Plot.plot({
      width,
      height: names.length * step + 88,
      marginLeft: left,
      marginRight: 70,
      marginTop: 42,
      marginBottom: 46,
      style: { background: "transparent", color: Report.colour("ink"), fontSize: "12px", fontFamily: "inherit" },
      x: { label: `${metric}, mean of a consequence${data.smaller ? " (smaller is better)" : ""} →`, grid: true, nice: true, labelOffset: 40, ticks: Math.max(3, Math.round(width / 130)) },
      y: { domain: names, label: null, padding: 0.1, type: "band" },
      marks: [
        Plot.ruleY(names, { stroke: Report.colour("line"), strokeOpacity: 0.6, dy: step / 2 }),
        ...marks,
        Plot.text(names, { frameAnchor: "right", y: (name) => name, textAnchor: "start", dx: 4, text: (name) => `n ${most.get(name).toLocaleString("en")}`, fill: Report.colour("quiet"), fontSize: 10 }),
      ],
    });
  };

  Report.figure(place, prefix, {
    draw,
    rows,
    title: () => `${metric} by consequence: one mark for each ${data.compared} and classifier; the table below has the numbers`,
    controls: (changed) => [
      Report.choice(key("method"), "Named", [["", "none"], ...methods.map((name) => [name, name])], "", changed),
      ...(classifiers.length > 1
        ? [Report.choice(key("classifier"), "Classifier", [["", "all"], ...classifiers.map((name) => [name, name])], "", changed)]
        : []),
    ],
  });
};
