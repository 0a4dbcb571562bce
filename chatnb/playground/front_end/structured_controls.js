// Controls of parameters that are more than a number or a word, and what makes the right one.

// The model: what the server lists, or whatever is typed.
class SuggestedControl extends TextControl {
  beside() {
    return [];
  }

  below() {
    this.choices = h("datalist", { id: `${this.id}-choices` });
    // Asked for only now: nothing goes to a server because a panel was opened.
    const ask = () => this.form.kernel?.tell({ do: "models" });
    return [this.field("input", { list: this.choices.id, onfocus: ask }), this.choices];
  }

  suggest(model, models) {
    this.input.placeholder = model ? `unset · ${model}` : "unset";
    this.choices.replaceChildren(...models.map((name) => h("option", { value: name })));
  }
}

// The kernel reads the JSON, so that its line says what is wrong with it.
class JsonControl extends TextControl {
  beside() {
    return [];
  }

  below() {
    return [this.field("textarea", { class: "chatnb-field chatnb-json", rows: "2" })];
  }

  key(event) {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) {
      super.key(event);
    }
  }

  show(value) {
    const isText = value === undefined || typeof value === "string";
    super.show(isText ? value : JSON.stringify(value, null, 2));
  }
}

// A line break is typed and shown as \n, as in the API's own examples.
function escaped(text) {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
}

function unescaped(text) {
  try {
    return JSON.parse(`"${text.replaceAll('"', '\\"')}"`);
  } catch {
    return text;
  }
}

// A few texts, each with a button that takes it away.
class TagsControl extends TextControl {
  beside() {
    return [h("span", { class: "chatnb-state" }, unsetText(this.about))];
  }

  below() {
    const placeholder = "add a text; \\n is a line break";
    this.list = h("span", { class: "chatnb-tag-list" });
    return [h("div", { class: "chatnb-tags" }, this.list, this.field("input", { placeholder }))];
  }

  key(event) {
    if (event.key === "Backspace" && !this.input.value && this.tags.length) {
      this.keep(this.tags.slice(0, -1));
    } else {
      super.key(event);
    }
  }

  // What is typed is not trimmed: a blank is part of where an answer stops.
  read(text) {
    return [...this.tags, unescaped(text)];
  }

  keep(tags) {
    this.enter(tags.length ? tags : null);
    this.input.focus();
  }

  commit() {
    if (this.dirty && this.input.value) {
      this.enter(this.read(this.input.value));
    }
  }

  show(value) {
    this.tags = value === undefined ? [] : [value].flat();
    this.list.replaceChildren(...this.tags.map((text, place) => this.tag(text, place)));
    this.input.value = "";
    this.input.hidden = this.tags.length >= this.about.most;
  }

  tag(text, place) {
    const others = this.tags.filter((_, each) => each !== place);
    const properties = {
      type: "button", class: "chatnb-tag-remove", "aria-label": `Remove ${escaped(text)}`,
      onclick: () => this.keep(others),
    };
    const remove = h("button", properties, "×");
    return h("span", { class: "chatnb-tag" }, h("code", {}, escaped(text)), remove);
  }
}

// Rows of a word or token id and its bias; a row counts once both are there.
class BiasesControl extends Control {
  title() {
    return h("span", { class: "chatnb-control-name", id: `${this.id}-name` }, this.name);
  }

  beside() {
    return [h("span", { class: "chatnb-state" }, unsetText(this.about))];
  }

  below() {
    this.rows = h("div", { class: "chatnb-biases" });
    this.add = h("button", {
      type: "button", class: "chatnb-quiet-button", id: this.id,
      "aria-describedby": `${this.id}-help ${this.id}-line`, onclick: () => this.addRow(),
    }, "+ word or token id");
    const group = { role: "group", "aria-labelledby": `${this.id}-name` };
    return [h("div", group, this.rows, this.add)];
  }

  addRow() {
    const row = this.row("", "");
    this.rows.append(row);
    row.querySelector("input").focus();
  }

  row(token, bias) {
    const { low, high } = this.about;
    const field = (properties) => h("input", {
      class: "chatnb-field", autocomplete: "off", spellcheck: "false",
      oninput: () => { this.dirty = true; }, onchange: () => this.commit(),
      onkeydown: (event) => event.key === "Enter" && this.commit(), ...properties,
    });
    const word = field({ "aria-label": "Word or token id", placeholder: "word or id" });
    const number = field({
      "aria-label": `Bias, ${low} to ${high}`,
      placeholder: `${low} … ${high}`,
      inputmode: "decimal",
    });
    const remove = h("button", {
      type: "button", class: "chatnb-clear", onclick: () => this.remove(row),
      "aria-label": `Remove the bias of ${token || "this row"}`,
    }, "×");
    const row = h("div", { class: "chatnb-bias" }, word, number, remove);
    [word.value, number.value] = [token, bias];
    return row;
  }

  remove(row) {
    row.remove();
    this.dirty = true;
    this.commit();
    this.add.focus();
  }

  commit() {
    const pairs = [...this.rows.children].map((row) => [...row.querySelectorAll("input")]);
    const whole = pairs.filter(([word, number]) => word.value.trim() && number.value.trim());
    const found = whole.map(([word, number]) => [word.value, numberOf(number.value.trim())]);
    const value = found.length ? Object.fromEntries(found) : null;
    if (this.dirty && (whole.length || this.isSet)) {
      this.enter(value);
    }
  }

  unset() {
    this.enter(null);
    this.add.focus();
  }

  // Rows that show the value already stay, with the focus and with what is only half typed.
  show(value) {
    const tokens = Object.entries(value ?? {});
    const rows = [...this.rows.children].map((row) => [...row.querySelectorAll("input")]);
    const shown = rows.map(([word, number]) => [word.value, number.value]);
    const whole = shown.filter(([word, number]) => word.trim() && number.trim());
    const order = (pairs) => JSON.stringify(pairs.map(([key, bias]) => [key, String(bias)]).sort());
    if (value === undefined || order(whole) !== order(tokens)) {
      this.rows.replaceChildren(...tokens.map(([token, bias]) => this.row(token, bias)));
    }
  }
}

const CONTROLS = {
  suggested: SuggestedControl,
  slider: SliderControl,
  number: NumberControl,
  tags: TagsControl,
  biases: BiasesControl,
  choice: ChoiceControl,
  flag: FlagControl,
  text: TextControl,
  json: JsonControl,
};
