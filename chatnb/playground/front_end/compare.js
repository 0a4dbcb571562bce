// The compare page: one prompt under two to four settings, sent together, streamed side by side.

const FEWEST_LANES = 2;
const MOST_LANES = 4;
const FIRST_LANES = [{ temperature: 0 }, { temperature: 1 }];

class ComparePage {
  constructor(kernel) {
    Object.assign(this, { kernel, groups: [], values: {}, models: [], lanes: [], id: null });
    this.running = false;
    this.bubble = new HelpBubble();
    this.line = new StatusLine();
    this.seeds = h("span");
    this.sameSeed = button("Same seed in all", () => this.seedAll(), { class: "chatnb-button chatnb-quiet" });
    this.grid = h("div", { class: "chatnb-lanes" });
    this.more = button("Add a lane", () => this.addLane());
    this.differ = h("input", { type: "checkbox", onchange: () => this.showDifferences() });
    this.element = h("div", { class: "chatnb-compare" },
      this.composer(),
      h("div", { class: "chatnb-compare-bar" },
        this.more,
        h("label", { class: "chatnb-check" }, this.differ, "Word differences against lane 1"),
        h("div", { class: "chatnb-seeds" }, this.seeds, this.sameSeed)),
      this.grid,
      this.bubble.element);
    FIRST_LANES.forEach(() => this.addLane({}));
  }

  composer() {
    this.prompt = h("textarea", {
      class: "chatnb-prompt", rows: 3, placeholder: "Ask the same of every lane",
      "aria-label": "Prompt for every lane", onkeydown: (event) => this.key(event),
    });
    const primary = { class: "chatnb-button chatnb-primary", title: "Ctrl+Enter" };
    this.start = button("Compare", () => this.compare(), primary);
    this.stop = button("Stop", () => this.stopAll(), { disabled: true });
    return h("div", { class: "chatnb-composer" },
      this.prompt,
      h("div", { class: "chatnb-composer-buttons" }, this.start, this.stop),
      h("div", { class: "chatnb-composer-line" }, this.line.element));
  }

  key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.compare();
    }
  }

  // A new lane begins as the last one: one setting apart is the usual question.
  addLane(asked = this.lanes.at(-1)?.settings.asked ?? {}) {
    const lane = new Lane(this);
    this.lanes.push(lane);
    this.grid.append(lane.element);
    lane.settings.put(asked);
    lane.settings.define();
    this.changed();
  }

  removeLane(lane) {
    this.drop(lane);
    if (lane.sent === 1) {
      this.lanes.forEach((each) => each.differ(null));
    }
    this.changed();
    this.more.focus();
  }

  drop(lane) {
    this.lanes.splice(this.lanes.indexOf(lane), 1);
    lane.element.remove();
  }

  // Whatever was added, removed or set: names, buttons and the hint follow.
  changed() {
    const { length } = this.lanes;
    this.grid.dataset.lanes = length;
    this.more.disabled = this.running || length >= MOST_LANES;
    this.lanes.forEach((lane, at) => lane.name(at + 1, this.running || length <= FEWEST_LANES));
    const seeds = this.lanes.map(({ settings }) => settings.values.seed ?? this.values.seed);
    const said = seeds.every((seed) => seed === undefined) ? "No seed is set" : "The seeds are not the same";
    this.sameSeed.hidden = seeds.every((seed) => seed !== undefined && String(seed) === String(seeds[0]));
    this.seeds.textContent = this.sameSeed.hidden ? "" : `${said}: answers differ by chance too.`;
  }

  seedAll() {
    const seeds = this.lanes.map(({ settings }) => settings.values.seed ?? this.values.seed);
    const seed = seeds.find((each) => each !== undefined) ?? 1;
    this.lanes.forEach(({ settings }) => settings.put({ ...settings.asked, seed }));
    this.changed();
    this.prompt.focus();
  }

  async compare() {
    if (this.running || this.asking) {
      return;
    }
    this.asking = true;
    this.line.say("");
    const lanes = this.lanes.map(({ settings }) => settings.asked);
    const done = await this.kernel.ask("compare", { prompt: this.prompt.value, lanes });
    this.asking = false;
    if (!done.ok) {
      this.line.complain(done.line);
    }
  }

  // It names what it ends, so that a late one ends nothing else.
  stopAll() {
    this.kernel.tell({ do: "compare_stop", id: this.id });
  }

  async adopt(lane) {
    const done = await this.kernel.ask("compare_adopt", { lane: lane.sent });
    if (!done.ok) {
      this.line.complain(done.line);
      return;
    }
    const undo = button("Undo", () => this.takeBack(), { class: "chatnb-button chatnb-quiet" });
    this.line.say(`The conversation continues with lane ${lane.number}. `, undo);
  }

  async takeBack() {
    const done = await this.kernel.ask("undo");
    if (done.ok) {
      this.line.say(`Took back ${done.line}.`);
    } else {
      this.line.complain(done.line);
    }
  }

  showDifferences() {
    this.lanes.forEach((lane) => lane.show(this.differ.checked));
  }

  about(name) {
    return this.groups.flatMap(({ controls }) => controls).find((each) => each.name === name);
  }

  lane({ id, lane }) {
    return id === this.id ? this.lanes.find(({ sent }) => sent === lane) : undefined;
  }

  // Told again for each new view: what is typed stays.
  onControls({ groups }) {
    if (same(groups, this.groups)) {
      return;
    }
    const first = this.groups.length === 0;
    this.groups = groups;
    this.lanes.forEach(({ settings }, at) => {
      settings.put(first && at < FIRST_LANES.length ? FIRST_LANES[at] : settings.asked);
      settings.define();
    });
  }

  onValues({ values }) {
    this.values = values;
    this.changed();
  }

  onConnection({ models = [] }) {
    this.models = models;
    this.lanes.forEach(({ settings }) => settings.controls.get("model")?.suggest("", models));
  }

  // One has begun, here or in another view; or it is told again, since a view was opened.
  onComparison({ id, prompt, lanes }) {
    this.run(true);
    if (id !== this.id) {
      this.id = id;
      this.showAsked(prompt, lanes);
      this.lanes.forEach((lane, at) => { lane.sent = at + 1; });
    }
    const sent = this.lanes.filter((lane) => lane.sent !== null);
    sent.forEach((lane) => lane.begin(lanes[lane.sent - 1]));
    this.changed();
  }

  showAsked(prompt, lanes) {
    if (prompt !== this.prompt.value) {
      this.prompt.value = prompt;
    }
    lanes.slice(this.lanes.length).forEach((asked) => this.addLane(asked));
    this.lanes.slice(lanes.length).forEach((lane) => this.drop(lane));
    this.lanes.forEach(({ settings }, at) => {
      if (!same(lanes[at], settings.asked)) {
        settings.put(lanes[at]);
      }
    });
  }

  run(running) {
    const [from, to] = running ? [this.start, this.stop] : [this.stop, this.prompt];
    const moves = document.activeElement === from;
    this.running = running;
    this.start.disabled = running;
    this.stop.disabled = !running;
    if (moves) {
      to.focus(); // a disabled button would lose it
    }
    this.changed();
  }

  onLaneLive(event) {
    this.lane(event)?.wait(event);
  }

  onLanePiece(event) {
    this.lane(event)?.put(event);
  }

  onLaneDone(event) {
    this.lane(event)?.done(event);
  }

  onLaneDifferences(event) {
    this.lane(event)?.differ(event);
    this.lane(event)?.show(this.differ.checked);
  }

  onComparisonEnded({ id }) {
    if (id === this.id) {
      this.run(false);
      this.line.say(`Done. In the log: comparison ${id}.`);
    }
  }
}
