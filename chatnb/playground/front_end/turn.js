// One turn: prompt, answer or cards, receipt, what it was made of, and what can be done with it.

class TurnView {
  constructor(kernel, turn) {
    this.kernel = kernel;
    this.turn = turn;
    this.line = new StatusLine();
    const body = h("div", { class: "chatnb-turn-body" }, ...this.parts());
    this.body = body;
    const label = turn.stale ? "Set aside" : `Turn ${turn.number}`;
    this.element = turn.stale
      ? h(
          "details",
          { class: "chatnb-turn chatnb-stale" },
          h("summary", {}, "set aside: ", h("span", {}, excerpt(turn.prompt_text))),
          body,
        )
      : h("article", { class: "chatnb-turn", "aria-label": label }, body);
  }

  parts() {
    const turn = this.turn;
    return [
      turn.prompt ? this.said("user", turn.prompt) : null,
      ...(turn.messages ?? []).map((message) => this.said(message.role, message.html, true)),
      turn.answer !== null || turn.choices.length ? this.who() : null,
      turn.choices.length > 1 ? this.cards() : null,
      turn.choices.length <= 1 && turn.answer !== null ? this.said("assistant", turn.answer) : null,
      this.foot(),
    ];
  }

  said(role, html, labelled = false) {
    const text = setHtml(h("div"), html);
    const label = labelled ? h("div", { class: "chatnb-who" }, role) : null;
    return h("div", { class: `chatnb-said chatnb-${role}` }, label, text);
  }

  who() {
    const edited = this.turn.edited ? " · edited by hand" : "";
    return h("div", { class: "chatnb-who" }, `${this.turn.who ?? "assistant"}${edited}`);
  }

  cards() {
    return h(
      "div",
      { class: "chatnb-answers chatnb-cards" },
      ...this.turn.choices.map((choice) => this.card(choice)),
    );
  }

  card(choice) {
    const { key, stale } = this.turn;
    const keep = stale
      ? null
      : button("Keep this one", () => this.act("keep", { index: choice.index, key }));
    return h(
      "section",
      { class: `chatnb-card${choice.kept ? " chatnb-kept" : ""}`, "aria-label": choice.label },
      h("div", { class: "chatnb-who" }, choice.label),
      setHtml(h("div"), choice.html),
      choice.kept ? h("div", { class: "chatnb-kept-mark" }, "✓ in the conversation") : keep,
    );
  }

  foot() {
    const turn = this.turn;
    const actions = turn.stale ? [] : this.actions();
    return h(
      "div",
      { class: "chatnb-turn-foot" },
      turn.receipt ? setHtml(h("div", { class: "chatnb-turn-receipt" }), turn.receipt) : null,
      turn.bar ? spendingBar(turn.bar) : null,
      h("div", { class: "chatnb-turn-actions" }, ...actions),
      this.line.element,
    );
  }

  actions() {
    const edit = (message, text, title) =>
      button(title, () => this.edit(message, text), { class: "chatnb-button chatnb-quiet" });
    const again = button("Ask again", () => this.act("regenerate", { key: this.turn.key }), {
      class: "chatnb-button chatnb-quiet",
    });
    const { prompt_text: prompt, answer_text: answer } = this.turn;
    const second = this.turn.prompt === null ? 0 : 1; // also where the prompt cannot be edited
    return [
      prompt ? again : null,
      prompt ? edit(0, prompt, "Edit prompt") : null,
      answer ? edit(second, answer, "Edit answer") : null,
    ];
  }

  // The words in a box of their own, in the place of the turn.
  edit(message, text) {
    const box = h("textarea", { class: "chatnb-prompt", "aria-label": "New words", rows: 3 });
    box.value = text;
    const { key } = this.turn;
    const close = () => {
      this.body.replaceChildren(...this.parts().filter(Boolean));
      this.focus();
    };
    const ask = (send) => this.act("edit", { key, message, content: box.value, send });
    // The same words change nothing, so that no new turn comes in this one's place.
    const save = async () => (await ask(false)) && close();
    this.body.replaceChildren(
      box,
      h(
        "div",
        { class: "chatnb-remedies" },
        message === 0 && this.turn.prompt
          ? button("Send again", () => ask(true), { class: "chatnb-button chatnb-primary" })
          : null,
        button("Save", save),
        button("Cancel", close),
      ),
      this.line.element,
    );
    box.focus();
  }

  // What had the focus is gone: the keyboard stays in this turn.
  focus() {
    const actions = ".chatnb-turn-actions button:last-child"; // to edit: it sends nothing
    const next = this.element.querySelector(actions) ?? this.element.querySelector("summary");
    next?.focus({ preventScroll: true });
  }

  async act(command, args) {
    const done = await this.kernel.ask(command, args);
    this.line.complain(done.ok ? "" : done.line);
    return done.ok;
  }
}

function excerpt(text) {
  const line = (text ?? "").replace(/\s+/g, " ").trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

// What the colors of the bars are: once for all turns.
function spendingLegend() {
  const parts = ["system", "history", "prompt", "answer"];
  const called = { history: "old history", prompt: "new prompt" };
  const swatch = (look) => h("span", { class: `chatnb-swatch ${look}`, "aria-hidden": "true" });
  const entries = parts.map((part) => [`chatnb-part-${part}`, called[part] ?? part]);
  entries.push(["chatnb-swatch-cached", "cached"]);
  return h(
    "div",
    { class: "chatnb-legend" },
    "Each bar: what was sent, and the answer. ",
    ...entries.map(([look, name]) => h("span", {}, swatch(look), name)),
  );
}

// What the tokens of a turn were spent on: the whole conversation is sent every time.
function spendingBar({ parts, total, unit, cached }) {
  const bar = h("div", { class: "chatnb-bar", "aria-hidden": "true" });
  for (const part of parts.filter((each) => each.tokens > 0)) {
    const share = h("span", { class: `chatnb-part chatnb-part-${part.name.replace(/\W+/g, "-")}` });
    share.style.flexGrow = part.tokens;
    share.title = part.title;
    bar.append(share);
  }
  if (cached && total) {
    const mark = h("span", { class: "chatnb-cached" });
    mark.style.width = `${(100 * cached) / total}%`;
    bar.append(mark);
  }
  const words = parts.filter((each) => each.tokens > 0).map((each) => each.title);
  const part = cached ? `; ${cached} of them cached` : "";
  const label = `${total} ${unit}: ${words.join(", ")}${part}`;
  return h("div", { class: "chatnb-bar-frame", role: "img", "aria-label": label, title: label }, bar);
}
