// What all figures share: state in the address, controls, redrawing, export, navigation.
"use strict";
const Report = (() => {
  const figures = {};

  // State stands in the address fragment, so that a view can be sent as a link or a bookmark.
  const read = () => new URLSearchParams(location.hash.slice(1));
  const get = (key, fallback) => read().get(key) ?? fallback;
  const set = (key, value, fallback) => {
    const state = read();
    if (value === fallback || value === "") state.delete(key);
    else state.set(key, value);
    history.replaceState(null, "", `#${state}`);
  };

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value !== false && value !== null) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children);
    return made;
  };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const palette = () => [0, 1, 2, 3, 4, 5].map((at) => colour(`c${at}`));

  const choice = (key, title, options, fallback, changed) => {
    const now = get(key, fallback);
    const list = element("select", { onchange: () => { set(key, list.value, fallback); changed(); } });
    for (const [value, text] of options) {
      list.append(element("option", { value, selected: value === now }, text));
    }
    if (!options.some(([value]) => value === now)) list.value = fallback;
    return element("label", {}, title, list);
  };

  const save = (name, type, text) => {
    const address = URL.createObjectURL(new Blob([text], { type }));
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };

  const quoted = (value) => {
    const text = value === null || value === undefined ? "NA" : `${value}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const csv = (rows) => {
    if (!rows.length) return "";
    const names = Object.keys(rows[0]);
    return [names, ...rows.map((row) => names.map((name) => row[name]))]
      .map((cells) => cells.map(quoted).join(",")).join("\n") + "\n";
  };

  // A figure that is exported brings the page's own colours along, its background included.
  const exported = (svg) => {
    const copy = svg.cloneNode(true);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.style.background = colour("paper");
    copy.style.color = colour("ink");
    copy.style.fontFamily = "sans-serif";
    return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}`;
  };

  // draw(width) gives an svg; rows() what it shows, for the CSV file.
  const figure = (place, name, { controls = () => [], draw, rows, title }) => {
    const bar = element("div", { class: "controls" });
    const stage = element("div", { class: "stage" });
    place.append(bar, stage);
    let width = 0;
    const redraw = () => {
      width = place.clientWidth;
      if (!width) return;
      const svg = draw(width);
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", title());
      stage.replaceChildren(svg);
    };
    const rebuild = () => {
      const buttons = [
        element("button", { type: "button", onclick: () => save(`${name}.svg`, "image/svg+xml", exported(stage.querySelector("svg"))) }, "Save SVG"),
        element("button", { type: "button", onclick: () => save(`${name}.csv`, "text/csv", csv(rows())) }, "Save data (CSV)"),
      ];
      bar.replaceChildren(...controls(redraw), ...buttons);
      redraw();
    };
    rebuild();
    new ResizeObserver(() => { if (place.clientWidth !== width) redraw(); }).observe(place);
    addEventListener("hashchange", rebuild);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    return redraw;
  };

  const data = (place) => JSON.parse(document.getElementById(place.dataset.from).textContent);

  // Figures of a table that stands on the page: its id ends in a name, what is before is the study's.
  const tables = [];
  const onTable = (name, made) => tables.push([name, made]);

  const start = () => {
    const list = element("ul");
    for (const heading of document.querySelectorAll("h2[id]")) {
      const go = () => { heading.tabIndex = -1; heading.focus(); heading.scrollIntoView(); };
      list.append(element("li", {}, element("a", { href: `#${heading.id}`, onclick: (event) => { event.preventDefault(); go(); } }, heading.textContent)));
    }
    // while a study runs, `gridrun report --watch` writes the page anew, and this shows it
    const SECONDS = 30;
    const again = element("input", { type: "checkbox", checked: get("reload", "") === "on", onchange: () => {
      set("reload", again.checked ? "on" : "", "");
      location.reload();
    } });
    if (again.checked) setTimeout(() => { if (again.checked) location.reload(); }, SECONDS * 1000);
    const bar = element("div", { class: "controls" }, element("label", {}, again, `Load this page anew every ${SECONDS} seconds`));
    document.querySelector("nav").append(list, bar);
    for (const text of document.querySelectorAll("pre[data-copy]")) {
      const copy = () => {
        getSelection().selectAllChildren(text);
        button.textContent = document.execCommand("copy") ? "Copied" : "Selected: press Ctrl-C";
      };
      const button = element("button", { type: "button", onclick: copy }, "Copy");
      text.before(element("div", { class: "controls" }, button));
    }
    for (const place of document.querySelectorAll("figure[data-figure]")) {
      const made = figures[place.dataset.figure];
      if (made) made(place, data(place));
    }
    for (const [name, made] of tables) {
      for (const table of document.querySelectorAll(`table[id$="${name}"]`)) made(table, table.id.slice(0, -name.length));
    }
  };

  // what is folded away is printed all the same
  const folded = () => document.querySelectorAll("details:not([open])");
  let opened = [];
  addEventListener("beforeprint", () => { opened = [...folded()]; for (const one of opened) one.open = true; });
  addEventListener("afterprint", () => { for (const one of opened) one.open = false; });

  document.addEventListener("DOMContentLoaded", start);
  return { figures, onTable, figure, get, set, element, choice, colour, palette, save, csv };
})();
