// Marks of folds by method and classifier, with medians, sorted by these.
"use strict";
Report.figures.comparison = (place, data) => {
  const { metrics, classifiers } = data;
  const prefix = place.dataset.from.replace(/-data$/, "");
  const key = (name) => `${prefix}.${name}`;
  const smaller = new Map(metrics.map(({ name, smaller: is }) => [name, is]));
  const metric = () => {
    const asked = Report.get(key("metric"), metrics[0].name);
    return smaller.has(asked) ? asked : metrics[0].name;
  };
  const shown = () => {
    const asked = Report.get(key("classifier"), "");
    return classifiers.includes(asked) ? [asked] : classifiers;
  };
  const label = (one) => [one.method, ...one.at].join(" ");
  const median = (values) => {
    const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    if (!sorted.length) return null;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  };

  // what null models reach, from their table on this page: the same study's, where there is one
  const nullModels = () => {
    const table = document.getElementById(`${prefix.replace(/comparison$/, "")}null-models-means`);
    if (!table) return [];
    const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.trim() === `mean ${metric()}`);
    if (at < 0) return [];
    return [...table.tBodies[0].rows]
      .map(({ cells }) => ({ name: cells[0].textContent.trim(), mean: parseFloat(cells[at].textContent) }))
      .filter(({ mean }) => !Number.isNaN(mean))
      .sort((one, other) => one.mean - other.mean);
  };

  // what failures count as: in the rows in which that makes other numbers
  const views = data.views ?? [];
  const view = () => {
    const asked = Report.get(key("failures"), views[0]?.[0] ?? "");
    return views.some(([name]) => name === asked) ? asked : "";
  };
  const folds = (one) => one.views?.[view()]?.[metric()] ?? one.folds[metric()];

  const wanted = () => data.series.filter((one) => shown().includes(one.classifier));
  const medians = () => wanted().map((one) => ({
    label: label(one), classifier: one.classifier, n: one.n, failed: one.failed,
    median: median(folds(one)),
  }));
  const rows = () => wanted().flatMap((one) => folds(one).map((value, at) => ({
    [data.compared]: label(one), classifier: one.classifier, fold: at + 1, metric: metric(), mean: value,
    failed: one.failed, ...(views.length ? { failures: view() } : {}),
  })));

  const order = (found) => {
    const names = [...new Set(found.map((one) => one.label))];
    if (Report.get(key("sort"), "median") === "grid") return names;
    const sign = smaller.get(metric()) ? 1 : -1;
    const best = (name) => Math.min(...found.filter((one) => one.label === name && one.median !== null)
      .map((one) => sign * one.median));
    return names.map((name) => [best(name), name]).sort(([a], [b]) => a - b).map(([, name]) => name);
  };

  const draw = (width) => {
    const found = medians();
    const names = order(found);
    const many = shown();
    const step = Math.max(30, 13 * many.length + 10);
    const shift = (classifier) => (many.indexOf(classifier) - (many.length - 1) / 2) * 13;
    const longest = Math.max(...names.map((name) => name.length), 4);
    const left = Math.min(longest * 7 + 14, width * 0.42);
    const colours = Report.palette();
    const symbols = ["circle", "triangle", "square", "diamond", "star", "cross"];
    const marks = rows().filter((row) => row.mean !== null);
    const nulls = nullModels();
    const all = [...marks, ...nulls].map((one) => one.mean);
    const [least, most] = [Math.min(...all), Math.max(...all)];
    const right = found.some((row) => row.failed) ? 62 : 18;
    // a name that would leave the figure stands before its line
    const fits = ({ name, mean }) =>
      ((mean - least) / (most - least || 1)) * (width - left - right) + name.length * 6 + 3 <= width - left - right;
    const under = nulls.length * 12;
    const layers = many.flatMap((classifier) => {
      const at = classifiers.indexOf(classifier);
      const fill = colours[at % colours.length];
      const dy = shift(classifier);
      const own = (list) => list.filter((row) => row.classifier === classifier);
      return [
        Plot.dot(own(marks), { x: "mean", y: data.compared, dy, r: 3.5, stroke: fill, strokeOpacity: 0.85,
          symbol: symbols[at % symbols.length],
          title: (row) => `${row[data.compared]}, ${classifier}, fold ${row.fold}: ${row.mean.toFixed(4)}` }),
        Plot.text(own(found).filter((row) => row.median !== null), { x: "median", y: "label", dy, text: () => "|",
          fill, stroke: Report.colour("paper"), strokeWidth: 2, fontWeight: 700, fontSize: 16 }),
        Plot.text(own(found).filter((row) => row.failed), { frameAnchor: "right", y: "label", dy, textAnchor: "start", dx: 4,
          text: (row) => `${row.failed} failed`, fill: Report.colour("alert"), fontSize: 10 }),
      ];
    });
    // the key stands in the figure, so that an exported one has it
    const key_ = many.map((classifier, at) => ({ classifier, at, all: classifiers.indexOf(classifier) }));
    const room = (at) => left + key_.slice(0, at).reduce((sum, one) => sum + one.classifier.length * 7 + 26, 0);
    const legend = key_.flatMap(({ classifier, at, all }) => [
      Plot.dot([0], { frameAnchor: "top-left", dx: room(at) - left + 5, dy: -26, r: 4, stroke: colours[all % colours.length], symbol: symbols[all % symbols.length] }),
      Plot.text([classifier], { frameAnchor: "top-left", dx: room(at) - left + 14, dy: -32, textAnchor: "start", fill: colours[all % colours.length], fontWeight: 600 }),
    ]);
    return Plot.plot({
      width,
      height: names.length * step + 88 + under,
      marginLeft: left,
      marginRight: right,
      marginTop: 42,
      marginBottom: 46,
      style: { background: "transparent", color: Report.colour("ink"), fontSize: "12px", fontFamily: "inherit" },
      x: { label: `${metric()}, mean of a fold${smaller.get(metric()) ? " (smaller is better)" : ""} →`, grid: true, nice: true, labelOffset: 40, ticks: Math.max(3, Math.round(width / 130)) },
      y: { domain: names, label: null, padding: 0.1, type: "band", insetBottom: under },
      marks: [
        Plot.ruleY(names, { stroke: Report.colour("line"), strokeOpacity: 0.6, dy: step / 2 }),
        ...nulls.flatMap((of, one) => [
          Plot.ruleX([of.mean], { stroke: Report.colour("ink"), strokeOpacity: 0.7, strokeDasharray: "4 3", title: () => `null model ${of.name}: ${of.mean}` }),
          // each name has a line of its own, in the order of values, so that neighbours can be read
          Plot.text([of.name], { x: [of.mean], frameAnchor: "bottom", dy: -4 - 12 * one, dx: fits(of) ? 3 : -3, textAnchor: fits(of) ? "start" : "end", fill: Report.colour("quiet"), stroke: Report.colour("paper"), fontSize: 10 }),
        ]),
        ...layers,
        ...legend,
      ],
    });
  };

  Report.figure(place, prefix, {
    draw,
    rows,
    title: () => `${metric()} by ${data.compared}: one mark for each fold; the table below has the numbers`,
    controls: (changed) => [
      Report.choice(key("metric"), "Metric", metrics.map(({ name }) => [name, name]), metrics[0].name, changed),
      ...(views.length ? [Report.choice(key("failures"), "Failures", views, views[0][0], changed)] : []),
      ...(classifiers.length > 1
        ? [Report.choice(key("classifier"), "Classifier", [["", "all"], ...classifiers.map((name) => [name, name])], "", changed)]
        : []),
      Report.choice(key("sort"), "Sorted by", [["median", "best median"], ["grid", "order of the grid"]], "median", changed),
    ],
  });
};
