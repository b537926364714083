// One mark for each method and classifier: time and quality, or two metrics that trade.
"use strict";
Report.figures.tradeoffs = (place, data) => {
  const prefix = place.dataset.from.replace(/-data$/, "");
  const key = `${prefix}.axes`;
  const names = data.axes.map(([x, y]) => `${x} and ${y}`);
  const axes = () => data.axes[Math.max(0, names.indexOf(Report.get(key, names[0])))];
  const symbols = ["circle", "triangle", "square", "diamond", "star", "cross"];
  const rows = () => data.points.map((point) => ({ [data.compared]: point.label, classifier: point.classifier,
    ...Object.fromEntries(axes().map((name) => [name, point[name]])) }));

  const draw = (width) => {
    const [x, y] = axes();
    const found = data.points.filter((point) => point[x] !== null && point[y] !== null && (x !== data.time || point[x] > 0));
    const colours = Report.palette();
    const sign = (name) => (data.smaller.includes(name) ? -1 : 1);
    // only those that no other method beats in both directions are named; titles name all
    const beats = (one, other) => [x, y].every((name) => sign(name) * one[name] >= sign(name) * other[name])
      && [x, y].some((name) => one[name] !== other[name]);
    const unbeaten = found.filter((point) => !found.some((other) => beats(other, point)));
    const middle = (Math.min(...found.map((point) => point[x])) + Math.max(...found.map((point) => point[x]))) / 2;
    const at = (point) => data.classifiers.indexOf(point.classifier);
    return Plot.plot({
      width,
      height: Math.min(400, Math.max(300, width * 0.6)),
      marginTop: 36,
      marginBottom: 44,
      marginRight: 24,
      style: { background: "transparent", color: Report.colour("ink"), fontSize: "12px", fontFamily: "inherit" },
      x: { label: `${x} →`, type: x === data.time ? "log" : "linear", grid: true, nice: true, labelOffset: 38, ticks: Math.max(3, Math.round(width / 130)), tickFormat: x === data.time ? (value) => `${value}` : undefined },
      y: { label: `↑ ${y}`, grid: true, nice: true },
      marks: data.classifiers.flatMap((classifier, one) => {
        const own = found.filter((point) => at(point) === one);
        const fill = colours[one % colours.length];
        return [
          Plot.dot(own, { x, y, r: 4.5, stroke: fill, symbol: symbols[one % symbols.length],
            title: (point) => `${point.label}, ${classifier}: ${x} ${point[x]}, ${y} ${point[y]}` }),
          ...["start", "end"].map((anchor) => Plot.text(
            unbeaten.filter((point) => at(point) === one && (point[x] > middle) === (anchor === "end")),
            { x, y, text: "label", dx: anchor === "end" ? -8 : 8, textAnchor: anchor, fill: Report.colour("ink"), stroke: Report.colour("paper"), fontSize: 11 })),
          Plot.dot([0], { frameAnchor: "top-left", dx: 90 + one * 90, dy: -18, r: 4, stroke: fill, symbol: symbols[one % symbols.length] }),
          Plot.text([classifier], { frameAnchor: "top-left", dx: 100 + one * 90, dy: -24, textAnchor: "start", fill, fontWeight: 600 }),
        ];
      }),
    });
  };

  Report.figure(place, prefix, {
    draw,
    rows,
    title: () => `${axes().join(" and ")} of each method and classifier; the table below has the numbers`,
    controls: (changed) => (names.length > 1 ? [Report.choice(key, "Axes", names.map((name) => [name, name]), names[0], changed)] : []),
  });
};
