// One control for each kind of request parameter. A control shows what the kernel says, sends what
// the user does through its form, and looks different while its parameter is unset.

const LITERAL = /^(-?[\d.]+|true|false|\{.*\})$/;

// What unset amounts to, as far as the manual knows: "unset · API default 1", "unset · no limit".
function unsetText({ default: words, choices = [] }) {
  const isValue = LITERAL.test(words) || choices.includes(words);
  return words ? `unset · ${isValue ? "API default " : ""}${words}` : "unset";
}

// 0.1 + 0.2 has 17 digits, and a step of 0.1 has one.
function rounded(number, step) {
  const decimals = (String(step).split(".")[1] ?? "").length;
  return Number(number.toFixed(decimals));
}

// The number where JavaScript writes it as it was typed; else the text, which the kernel reads.
function numberOf(text) {
  const number = Number(text);
  return String(number) === text && Number.isFinite(number) ? number : text;
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

class Control {
  constructor(form, about) {
    Object.assign(this, { form, about, name: about.name, id: `${form.id}-${about.name}` });
    this.seq = 0; // of the last change made here; Infinity while that waits to be sent
    this.dirty = false; // something is typed that was not entered yet
    this.line = h("div", { class: "chatnb-control-line", role: "alert", id: `${this.id}-line` });
    this.clear = h("button", {
      type: "button", class: "chatnb-clear", "aria-label": `Unset ${this.name}`, title: "Unset",
      onclick: () => this.unset(),
    }, "×");
    this.element = h("div", { class: `chatnb-control chatnb-control-${about.control} chatnb-unset` },
      h("div", { class: "chatnb-control-row" }, this.title(), this.clear, ...this.beside()),
      ...this.below(),
      this.line,
      h("span", { class: "chatnb-unseen", id: `${this.id}-help` }, helpLines(about).join(" ")),
    );
    this.display(undefined);
  }

  title() {
    return h("label", { for: this.id, class: "chatnb-control-name" }, this.name);
  }

  // What stands in the row of the name, and what below it.
  beside() {
    return [];
  }

  below() {
    return [];
  }

  described(properties) {
    const help = `${this.id}-help ${this.id}-line`;
    return { id: this.id, "aria-describedby": help, autocomplete: "off", ...properties };
  }

  // The user's value; null is unset.
  enter(value) {
    this.dirty = false;
    this.entered = value;
    this.say("");
    this.display(value ?? undefined);
    this.form.set(this, value);
  }

  unset() {
    this.enter(null);
    this.element.querySelector("input, select, textarea").focus();
  }

  // The kernel's value: an echo older than what was done here since is not shown.
  take(value, seq) {
    if (seq < this.seq) {
      return;
    }
    const changed = !same(value, this.known);
    this.known = value;
    const refused = Boolean(this.line.textContent);
    if (!this.dirty && (changed || !refused) && !same(value, this.displayed)) {
      this.say("");
      this.display(value);
    }
  }

  // The kernel did not take it: what holds is still the old value, but what was typed stays.
  refuse(line, seq) {
    if (seq >= this.seq) {
      this.display(this.known);
      this.show(this.entered ?? undefined);
      this.displayed = null;
      this.say(line);
    }
  }

  display(value) {
    this.displayed = value;
    this.element.classList.toggle("chatnb-unset", value === undefined);
    this.clear.disabled = value === undefined;
    this.isSet = value !== undefined;
    this.show(value);
  }

  say(line) {
    this.line.textContent = line;
    this.element.classList.toggle("chatnb-refused", Boolean(line));
    for (const field of this.element.querySelectorAll("input:not([type=radio]), select, textarea")) {
      field.setAttribute("aria-invalid", String(Boolean(line)));
    }
  }
}

// A field whose text is entered with Enter or on leaving it.
class TextControl extends Control {
  beside() {
    return [this.field()];
  }

  field(tag = "input", properties = {}) {
    this.input = h(tag, this.described({
      class: "chatnb-field", placeholder: unsetText(this.about), spellcheck: "false",
      oninput: () => { this.dirty = true; }, onchange: () => this.commit(),
      onkeydown: (event) => this.key(event), ...properties,
    }));
    return this.input;
  }

  key(event) {
    if (event.key === "Enter") {
      this.commit();
    } else if (event.key === "Escape" && this.dirty) {
      this.dirty = false;
      this.say("");
      this.display(this.known);
    }
  }

  commit() {
    if (this.dirty) {
      this.enter(this.input.value === "" ? null : this.read(this.input.value));
    }
  }

  read(text) {
    return text;
  }

  show(value) {
    this.input.value = value ?? "";
  }
}

class NumberControl extends TextControl {
  field(tag = "input", properties = {}) {
    return super.field(tag, { inputmode: "decimal", ...properties });
  }

  key(event) {
    const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (steps) {
      event.preventDefault();
      this.stepBy(steps);
    } else {
      super.key(event);
    }
  }

  stepBy(steps) {
    const { low = -Infinity, high = Infinity, step, default: words } = this.about;
    const from = Number(this.input.value || words);
    const next = (Number.isNaN(from) ? Math.max(low, 0) : from) + steps * step;
    this.enter(rounded(Math.min(high, Math.max(low, next)), step));
  }

  read(text) {
    return numberOf(text.trim());
  }
}

// A slider with a readout that can be typed into. Unset, it stands hollow at the API's default.
class SliderControl extends NumberControl {
  beside() {
    return [this.field("input", { class: "chatnb-field chatnb-readout", size: "6" })];
  }

  title() {
    return h("label", { for: `${this.id}-slider`, class: "chatnb-control-name" }, this.name);
  }

  described(properties) {
    return { ...super.described(properties), "aria-label": `${this.name}, value` };
  }

  below() {
    const { low, high, step } = this.about;
    this.slider = h("input", {
      type: "range", class: "chatnb-slider", id: `${this.id}-slider`, min: low, max: high, step,
      "aria-describedby": `${this.id}-help ${this.id}-line`,
      oninput: () => this.slide(), onclick: () => this.slideFromUnset(),
      onkeydown: (event) => this.sliderKey(event),
    });
    // Filled from 0, or from the very edge: the thumb's middle never reaches it.
    this.slider.style.setProperty("--origin", low < 0 && high > 0 ? this.place(0) : -1);
    this.slider.style.setProperty("--default", this.place(this.start));
    return [this.slider];
  }

  get start() {
    const { low, high, default: words } = this.about;
    const start = Number(words || "none");
    return Number.isNaN(start) ? (low + high) / 2 : start;
  }

  place(value) {
    const { low, high } = this.about;
    return (value - low) / (high - low);
  }

  slide() {
    this.enter(rounded(Number(this.slider.value), this.about.step));
  }

  // A click on the thumb where it stands moves nothing, but means that value.
  slideFromUnset() {
    if (!this.isSet) {
      this.slide();
    }
  }

  sliderKey(event) {
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      this.enter(null);
    } else if (event.key === "Enter") {
      this.slideFromUnset();
    }
  }

  unset() {
    this.enter(null);
    this.slider.focus();
  }

  show(value) {
    super.show(value);
    const number = Number(value ?? this.start);
    if (number >= this.about.low && number <= this.about.high) {
      this.slider.value = number;
      this.slider.style.setProperty("--value", this.place(number));
    }
    const words = value === undefined ? unsetText(this.about).replace(" ·", ",") : String(value);
    this.slider.setAttribute("aria-valuetext", words);
  }
}

class ChoiceControl extends Control {
  beside() {
    const options = this.about.choices.map((word) => h("option", { value: word }, word));
    const unset = h("option", { value: "" }, unsetText(this.about));
    const onchange = () => this.enter(this.input.value || null);
    this.input = h("select", this.described({ class: "chatnb-field", onchange }), unset, ...options);
    return [this.input];
  }

  show(value) {
    this.input.value = value ?? "";
  }
}

// Three states side by side: unset is one of them, and is not the same as false.
class FlagControl extends Control {
  title() {
    return h("span", { class: "chatnb-control-name", id: `${this.id}-name` }, this.name);
  }

  beside() {
    const states = [["unset", null], ["true", true], ["false", false]];
    this.states = states.map(([word, value]) => {
      const onchange = () => this.enter(value);
      const input = h("input", { type: "radio", name: this.id, class: "chatnb-unseen", onchange });
      return { input, value: value ?? undefined, label: h("label", {}, input, h("span", {}, word)) };
    });
    const described = { "aria-describedby": `${this.id}-help`, "aria-labelledby": `${this.id}-name` };
    const labels = this.states.map(({ label }) => label);
    return [h("div", { class: "chatnb-switch", role: "radiogroup", ...described }, ...labels)];
  }

  show(value) {
    this.states.forEach((state) => { state.input.checked = state.value === value; });
  }
}
