// Critical differences: means on one axis, and a bar for each group of methods, drawn from the table that has them.
"use strict";
Report.onTable("-letters", (table, prefix) => {
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const first = heads.indexOf("mean");
  const letters = heads.slice(first + 1, heads.indexOf("best in draws"));
  const rows = [...table.tBodies[0].rows].map(({ cells }) => ({
    method: cells[0].textContent.trim(),
    mean: Number(cells[first].textContent),
    groups: letters.filter((_, at) => cells[first + 1 + at].textContent.trim()),
  })).filter((row) => !Number.isNaN(row.mean));
  if (!rows.length) return;
  const name = (letter) => `group ${letter}`;
  const members = letters.flatMap((letter) => rows.filter(({ groups }) => groups.includes(letter))
    .map(({ method, mean }) => ({ method, mean, group: name(letter) })));
  const bars = letters.map((letter) => {
    const means = members.filter(({ group }) => group === name(letter)).map(({ mean }) => mean);
    return { group: name(letter), from: Math.min(...means), to: Math.max(...means) };
  });
  const figure = Report.element("figure", {}, Report.element("figcaption", {},
    "How to read it: each mark below is the mean of a method. A bar above joins the methods of a group, whose marks it has: "
    + "no two of them differ significantly. A mark that a bar passes without having it is of another group."));
  (table.closest(".wide") ?? table).before(figure);

  const draw = (width) => {
    const lines = [...letters.map(name), ...rows.map(({ method }) => method)];
    const ink = Report.colour("ink");
    const stroke = Report.palette()[0];
    return Plot.plot({
      width,
      height: lines.length * 22 + 70,
      marginLeft: Math.min(Math.max(...lines.map((line) => line.length)) * 7 + 14, width * 0.42),
      marginRight: 18,
      marginBottom: 46,
      style: { background: "transparent", color: ink, fontSize: "12px", fontFamily: "inherit" },
      x: { label: `mean ${table.dataset.metric} →`, grid: true, nice: true, labelOffset: 40, ticks: Math.max(3, Math.round(width / 130)) },
      y: { domain: lines, label: null, padding: 0.1, type: "band" },
      marks: [
        Plot.link(bars, { x1: "from", x2: "to", y1: "group", y2: "group", stroke, strokeWidth: 3 }),
        Plot.dot(members, { x: "mean", y: "group", r: 4, fill: stroke, title: ({ method, mean }) => `${method}: ${mean}` }),
        Plot.dot(rows, { x: "mean", y: "method", r: 4, stroke: ink, fill: Report.colour("paper"),
          title: ({ method, mean, groups }) => `${method}: ${mean} (${groups.map(name).join(", ") || "in no group"})` }),
      ],
    });
  };

  Report.figure(figure, `${prefix}-critical-differences`, {
    draw,
    rows: () => rows.map((row) => ({ ...row, groups: row.groups.join(" ") })),
    title: () => `Critical differences of ${table.dataset.name}: means, and bars of groups; the table below has the numbers`,
  });
});
