"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const read = (selector) => JSON.parse(document.querySelector(selector).textContent);
  const figures = read("#figures");
  const FIRST_ROWS = 25;
  const ROW = 26;
  const NARROW = 600;

  function say(text) {
    document.getElementById("status").textContent = text;
  }

  // --- Colours: looked up in the theme of the moment, so that CSS alone holds the palette.

  function palette(scheme) {
    const probe = document.createElement("span");
    if (scheme) probe.style.colorScheme = scheme;
    document.body.append(probe);
    const look = (name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    const names = ["--text", "--muted", "--faint", "--line", "--accent", "--surface"];
    const found = Object.fromEntries(names.map((name) => [name, look(name)]));
    const ends = [look("--ramp-from"), look("--ramp-to")].map((c) => c.match(/[\d.]+/g).map(Number));
    probe.remove();
    found.ramp = (share) =>
      `rgb(${[0, 1, 2].map((i) => Math.round(ends[0][i] + share * (ends[1][i] - ends[0][i])))})`;
    return found;
  }

  // Only under keys named color: a model may be called "--accent".
  function painted(value, colours, key = "") {
    if (Array.isArray(value)) return value.map((one) => painted(one, colours, key));
    if (value && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([name, one]) => [name, painted(one, colours, name)]),
      );
    }
    if (key !== "color" || typeof value !== "string") return value;
    return value.startsWith("ramp:") ? colours.ramp(Number(value.slice(5))) : (colours[value] ?? value);
  }

  // --- Figures

  function layoutOf(figure, view, state, colours, width) {
    const narrow = width < NARROW;
    const layout = painted(view.layout, colours);
    const axis = {
      gridcolor: colours["--line"], zerolinecolor: colours["--line"], linecolor: colours["--line"],
      tickfont: { size: 12, color: colours["--muted"] }, fixedrange: true, automargin: true,
    };
    const title = (one) => ({ ...one?.title, font: { size: 12, color: colours["--muted"] }, standoff: 8 });
    layout.xaxis = { ...axis, ...layout.xaxis, title: title(layout.xaxis) };
    layout.yaxis = { ...axis, ...layout.yaxis, title: title(layout.yaxis) };
    layout.height = narrow ? 320 : 400;
    if (figure.rows) {
      layout.height = state.rows * ROW + 75;
      layout.yaxis.range = [state.rows - 0.4, -0.6];
      layout.yaxis.showgrid = false;
      layout.yaxis.zeroline = false;
      layout.yaxis.tickfont = { size: 12, color: colours["--text"] };
      if (narrow) layout.yaxis.ticktext = view.narrow;
    }
    return {
      ...layout,
      width,
      margin: { l: 8, r: 14, t: 8, b: 40 },
      showlegend: false,
      dragmode: false,
      hovermode: "closest",
      hoverlabel: {
        bgcolor: colours["--surface"], bordercolor: colours["--faint"], align: "left", namelength: -1,
        font: { size: 13, color: colours["--text"] },
      },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: colours["--text"], size: 12 },
    };
  }

  // Rows that are not shown would still stretch the axis below.
  function shown(trace, rows) {
    const keep = (list) => list.filter((_, place) => trace.y[place] < rows);
    const cut = (value) => (Array.isArray(value) && value.length === trace.y.length ? keep(value)
      : value && typeof value === "object" && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, cut(one)])) : value);
    return cut(trace);
  }

  function drawing(box, scheme, width) {
    const { figure, state } = box;
    const view = figure.views[state.view];
    const colours = palette(scheme);
    const traces = state.rows < figure.rows
      ? view.data.map((trace) => shown(trace, state.rows)) : view.data;
    return { data: painted(traces, colours), layout: layoutOf(figure, view, state, colours, width) };
  }

  function draw(box) {
    const { data, layout } = drawing(box, "", box.plot.clientWidth);
    box.drawn = true;
    return Plotly.react(box.plot, data, layout, { displayModeBar: false });
  }

  async function save(box, format) {
    // On paper colours, whatever the screen shows.
    const { data, layout } = drawing(box, "light", 900);
    layout.paper_bgcolor = layout.plot_bgcolor = "#fff";
    layout.margin = { l: 16, r: 24, t: 20, b: 48 };
    const filename = `${box.name}-${document.title.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60)}`;
    await Plotly.downloadImage({ data, layout }, {
      format, filename, width: 900, height: layout.height, scale: format === "png" ? 2 : 1,
    });
    say(`${figures[box.name].title} saved`);
  }

  const boxes = all("[data-figure]").map((element) => {
    const name = element.dataset.figure;
    const figure = figures[name];
    const rows = Math.min(figure.rows, FIRST_ROWS);
    return { name, element, figure, plot: element.querySelector(".plot"), state: { view: 0, rows } };
  });
  for (const box of boxes) {
    if (box.figure.rows) box.plot.style.minHeight = `${box.state.rows * ROW + 75}px`;
    const more = box.element.querySelector("[data-more]");
    const label = () => {
      const few = box.state.rows < box.figure.rows;
      more.textContent = few ? `Show all ${box.figure.rows}` : `Show the first ${FIRST_ROWS}`;
    };
    more.hidden = box.figure.rows <= FIRST_ROWS;
    label();
    more.addEventListener("click", () => {
      box.state.rows = box.state.rows < box.figure.rows ? box.figure.rows : FIRST_ROWS;
      box.plot.style.minHeight = "";
      label();
      draw(box);
    });
    for (const button of all("[data-view]", box.element)) {
      button.addEventListener("click", () => {
        box.state.view = Number(button.dataset.view);
        for (const one of all("[data-view]", box.element)) {
          one.setAttribute("aria-pressed", String(one === button));
        }
        draw(box);
      });
    }
    for (const button of all("[data-save]", box.element)) {
      button.addEventListener("click", () => save(box, button.dataset.save));
    }
  }
  const redraw = () => boxes.filter((box) => box.drawn).forEach(draw);

  // Called when plotly is there. Figures are drawn when they come near: a long page opens at once.
  globalThis.discorankDraw = () => {
    const near = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((one) => one.isIntersecting)) {
        near.unobserve(entry.target);
        draw(boxes.find((box) => box.element === entry.target));
      }
    }, { rootMargin: "600px" });
    boxes.forEach((box) => near.observe(box.element));
    let pending = 0;
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth === width) return;
      width = innerWidth;
      cancelAnimationFrame(pending);
      pending = requestAnimationFrame(redraw);
    });
    addEventListener("beforeprint", () => {
      all("details:not(.long)").forEach((one) => { one.open = true; });
      boxes.forEach((box) => {
        const { data, layout } = drawing(box, "light", 680);
        box.drawn = true;
        Plotly.react(box.plot, data, layout, { displayModeBar: false });
      });
    });
    addEventListener("afterprint", redraw);
  };

  // --- Light and dark

  const toggle = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const memory = {
    // A page opened from a file may be denied its storage.
    get: () => { try { return localStorage.getItem("discorank-theme"); } catch { return null; } },
    set: (value) => { try { localStorage.setItem("discorank-theme", value); } catch { /* for now only */ } },
  };
  let theme = memory.get();
  function apply() {
    root.style.colorScheme = theme ?? "";
    toggle.setAttribute("aria-pressed", String((theme ?? (system.matches ? "dark" : "light")) === "dark"));
    redraw();
  }
  toggle.addEventListener("click", () => {
    theme = toggle.getAttribute("aria-pressed") === "true" ? "light" : "dark";
    memory.set(theme);
    apply();
  });
  system.addEventListener("change", apply);
  apply();

  // --- Tables

  function compare(a, b) {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  }
  for (const table of all("table.sortable")) {
    const heads = all("th", table);
    heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const keyed = [...table.tBodies[0].rows].map((row) => [row.cells[column].dataset.sort, row]);
      // What is unknown comes last in either direction.
      keyed.sort(([a], [b]) => (a === undefined) - (b === undefined)
        || (a === undefined ? 0 : (ascending ? 1 : -1) * compare(a, b)));
      table.tBodies[0].append(...keyed.map(([, row]) => row));
      say(`sorted by ${head.textContent}, ${ascending ? "ascending" : "descending"}`);
    }));
  }
  for (const input of all("[data-filter]")) {
    const rows = all("tbody tr", document.getElementById(input.dataset.filter));
    const texts = rows.map((row) => row.textContent.toLowerCase());
    input.addEventListener("input", () => {
      const part = input.value.trim().toLowerCase();
      rows.forEach((row, place) => { row.hidden = !texts[place].includes(part); });
      say(`${rows.filter((row) => !row.hidden).length} of ${rows.length} shown`);
    });
  }

  for (const button of all("[data-rest]")) {
    button.addEventListener("click", () => {
      document.querySelector(`#${button.dataset.rest} .cards`).classList.add("open");
      button.remove();
    });
  }

  // --- Downloads and copies

  for (const button of all("[data-download]")) {
    button.addEventListener("click", () => {
      const file = button.dataset.download;
      const content = read(`[data-file="${file}"]`);
      const type = file.endsWith(".csv") ? "text/csv" : "application/json";
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
      link.download = file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }
  for (const button of all("[data-copy]")) {
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }
})();
