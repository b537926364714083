// Observed share of positive rows by mean probability: one method in colour, the others behind it.
"use strict";
Report.figures.calibration = (place, data) => {
  const prefix = place.dataset.from.replace(/-data$/, "");
  const keys = { classifier: `${prefix}.classifier`, method: `${prefix}.method` };
  const classifier = () => {
    const asked = Report.get(keys.classifier, data.classifiers[0]);
    return data.classifiers.includes(asked) ? asked : data.classifiers[0];
  };
  const own = () => data.points.filter((point) => point.classifier === classifier());
  const labels = () => [...new Set(own().map((point) => point.label))];
  const method = () => {
    const asked = Report.get(keys.method, labels()[0]);
    return labels().includes(asked) ? asked : labels()[0];
  };
  const rows = () => own().map(({ label, ...numbers }) => ({ [data.compared]: label, ...numbers }));

  // from each bin to the next one of the same method that has rows
  const steps = (points) => points.slice(1).map((point, at) => [points[at], point]).filter(([a, b]) => a.label === b.label);
  const ends = { x1: ([a]) => a.predicted, y1: ([a]) => a.observed, x2: ([, b]) => b.predicted, y2: ([, b]) => b.observed };

  const draw = (width) => {
    const size = Math.min(width, 460);
    const colour = Report.palette()[0];
    const others = own().filter((point) => point.label !== method());
    const chosen = own().filter((point) => point.label === method());
    return Plot.plot({
      width: size,
      height: size,
      marginTop: 20,
      marginBottom: 44,
      marginRight: 20,
      style: { background: "transparent", color: Report.colour("ink"), fontSize: "12px", fontFamily: "inherit" },
      x: { label: "mean probability →", domain: [0, 1], grid: true, labelOffset: 38 },
      y: { label: "↑ share of positive rows", domain: [0, 1], grid: true },
      r: { domain: [0, Math.max(...own().map((point) => point.n))], range: [1.5, 9] },
      marks: [
        Plot.link([0], { x1: 0, x2: 1, y1: 0, y2: 1, stroke: Report.colour("ink"), strokeDasharray: "4 3" }),
        Plot.link(steps(others), { ...ends, stroke: Report.colour("quiet"), strokeOpacity: 0.6, strokeWidth: 1 }),
        Plot.link(steps(chosen), { ...ends, stroke: colour, strokeWidth: 2 }),
        Plot.dot(chosen, { x: "predicted", y: "observed", r: "n", stroke: colour, fill: Report.colour("paper"),
          title: (point) => `${point.label}, ${point.classifier}: probability ${point.predicted}, positive ${point.observed}, ${point.n} rows` }),
      ],
    });
  };

  Report.figure(place, prefix, {
    draw,
    rows,
    title: () => `Reliability of ${method()} with ${classifier()}; the export has the number of rows of each bin`,
    controls: (changed) => [
      Report.choice(keys.classifier, "Classifier", data.classifiers.map((name) => [name, name]), data.classifiers[0], changed),
      Report.choice(keys.method, data.compared, labels().map((name) => [name, name]), labels()[0], changed),
    ],
  });
};
