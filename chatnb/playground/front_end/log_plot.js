// Tokens and seconds of the listed exchanges over time: two small SVGs, drawn by hand.

const LOG_PLOTTED = 60; // the last exchanges; more bars would be thinner than a pixel can show well
const LOG_PLOT = { height: 132, left: 46, right: 8, top: 8, bottom: 34 };

function logSvg(tag, properties = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) {
    node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

class LogPlot {
  constructor() {
    this.rows = [];
    this.tokens = new LogBars("Tokens", [
      ["prompt", (row) => row.prompt_tokens],
      ["completion", (row) => row.completion_tokens],
    ]);
    this.seconds = new LogBars("Seconds", [["seconds", (row) => row.seconds]]);
    this.element = h("div", { class: "chatnb-log-plots" }, this.tokens.element, this.seconds.element);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.element);
  }

  show(rows) {
    const ended = rows.filter((row) => row.status !== "started");
    this.rows = ended.sort((a, b) => a.at - b.at || a.id - b.id).slice(-LOG_PLOTTED);
    this.element.hidden = this.rows.length === 0;
    this.draw();
  }

  draw() {
    if (this.element.clientWidth) {
      this.tokens.draw(this.rows);
      this.seconds.draw(this.rows);
    }
  }
}

// One chart: stacked bars, an exchange each, oldest first; a cross for a failure.
class LogBars {
  constructor(title, parts) {
    this.title = title;
    this.parts = parts;
    this.summary = h("span", { class: "chatnb-log-quiet" });
    this.drawing = h("div", { class: "chatnb-log-drawing" });
    const keys = parts.length > 1 ? parts.map(([name]) => this.legend(name)) : [];
    this.element = h(
      "figure",
      { class: "chatnb-log-plot" },
      h(
        "figcaption",
        {},
        h("div", { class: "chatnb-log-title" }, h("strong", {}, `${title} over time`), ...keys),
        this.summary,
      ),
      this.drawing,
    );
  }

  legend(name) {
    return h("span", { class: "chatnb-log-legend" }, h("span", { class: `chatnb-log-key chatnb-log-${name}` }), name);
  }

  draw(rows) {
    const width = Math.max(200, this.drawing.clientWidth);
    const known = rows.map((row) => logSum(this.parts.map(([, value]) => value(row))));
    const top = logCeiling(Math.max(0, ...known));
    this.summary.textContent = this.told(rows, known);
    const frame = {
      width, top,
      step: Math.min(28, (width - LOG_PLOT.left - LOG_PLOT.right) / Math.max(1, rows.length)),
      y: (value) => LOG_PLOT.height - LOG_PLOT.bottom - (value / top) * (LOG_PLOT.height - LOG_PLOT.top - LOG_PLOT.bottom),
    };
    const chart = logSvg(
      "svg",
      { viewBox: `0 0 ${width} ${LOG_PLOT.height}`, width, height: LOG_PLOT.height, role: "img",
        "aria-label": `${this.title} over time. ${this.summary.textContent}` },
      ...this.axes(frame, rows),
      ...rows.map((row, at) => this.bar(frame, row, at)),
    );
    this.drawing.replaceChildren(chart);
  }

  axes({ width, top, y, step }, rows) {
    const lines = [0, top / 2, top].flatMap((value) => [
      logSvg("line", { class: "chatnb-log-grid", x1: LOG_PLOT.left, x2: width - LOG_PLOT.right, y1: y(value), y2: y(value) }),
      logLabel(LOG_PLOT.left - 6, y(value) + 4, "end", value.toLocaleString("en", { maximumFractionDigits: 2 })),
    ]);
    const middle = (LOG_PLOT.top + LOG_PLOT.height - LOG_PLOT.bottom) / 2;
    const named = logLabel(0, 0, "middle", this.title.toLowerCase());
    named.setAttribute("transform", `translate(10 ${middle}) rotate(-90)`);
    const last = LOG_PLOT.left + step * rows.length;
    const bottom = LOG_PLOT.height - LOG_PLOT.bottom + 14;
    const times = rows.length
      ? [logLabel(LOG_PLOT.left, bottom, "start", rows[0].clock.slice(0, 5)),
        ...(last - LOG_PLOT.left > 90 ? [logLabel(last, bottom, "end", rows.at(-1).clock.slice(0, 5))] : [])]
      : [];
    const below = logLabel((LOG_PLOT.left + width) / 2, LOG_PLOT.height - 5, "middle", "exchanges, oldest first");
    return [...lines, named, ...times, below];
  }

  bar({ step, y }, row, at) {
    const x = LOG_PLOT.left + step * at + step * 0.12;
    const bars = [logSvg("title", {}, document.createTextNode(this.words(row)))];
    let under = 0;
    for (const [name, value] of this.parts) {
      const amount = value(row) ?? 0;
      const height = y(under) - y(under + amount);
      bars.push(logSvg("rect", {
        class: `chatnb-log-${name}`, x, y: y(under + amount), width: step * 0.76, height,
      }));
      under += amount;
    }
    if (LOG_FAILED.has(row.status)) {
      const cross = logLabel(x + step * 0.38, y(under) - 2, "middle", "✕");
      cross.setAttribute("class", "chatnb-log-cross");
      bars.push(cross);
    }
    return logSvg("g", {}, ...bars);
  }

  words(row) {
    const amounts = this.parts.map(([name, value]) => `${value(row)?.toLocaleString("en") ?? "?"} ${name}`);
    return `${row.clock} ${row.status}: ${amounts.join(" + ")}\n${row.prompt ?? ""}`;
  }

  told(rows, known) {
    const parts = this.parts.map(([name, value]) => [name, rows.map(value).filter((each) => each !== null)]);
    const counted = known.filter((each) => each > 0);
    if (!counted.length) {
      return "none known";
    }
    const shown = (number) => number.toLocaleString("en", { maximumFractionDigits: 1 });
    const sums = parts.map(([name, values]) => `${shown(logSum(values))} ${name}`).join(" + ");
    const most = `at most ${shown(Math.max(...counted))} in one`;
    return `${sums} in ${rows.length === 1 ? "1 exchange" : `the last ${rows.length}`}; ${most}`;
  }
}

function logLabel(x, y, anchor, text) {
  return logSvg("text", { class: "chatnb-log-label", x, y, "text-anchor": anchor }, document.createTextNode(text));
}

function logSum(values) {
  return values.reduce((sum, value) => sum + (value ?? 0), 0);
}

// The next of 1, 2, 4, 5, 8, 10 and so on: an axis whose half is a round number too.
function logCeiling(value) {
  const unit = 10 ** Math.floor(Math.log10(value || 1));
  return unit * ([1, 2, 4, 5, 8].find((each) => each * unit >= value) ?? 10);
}
