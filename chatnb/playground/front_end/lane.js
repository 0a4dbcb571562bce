// One lane: its settings, and the answer in a box of a fixed size, so that nothing around it moves.
class Lane {
  constructor(page) {
    this.page = page;
    this.sent = null; // its number in the comparison whose answer it shows
    this.settings = new LaneSettings(page);
    this.title = h("h3", { class: "chatnb-lane-title" });
    this.removes = h("button", { type: "button", class: "chatnb-clear", onclick: () => page.removeLane(this) }, "×");
    this.status = h("div", { class: "chatnb-lane-status" });
    this.box = h("div", { class: "chatnb-lane-answer", tabindex: "0", role: "region" },
      h("p", { class: "chatnb-empty" }, "The answer of this lane."));
    this.receipt = h("div", { class: "chatnb-lane-receipt", tabindex: "0", role: "region" });
    this.adopt = button("Continue with this one", () => page.adopt(this), { disabled: true });
    this.element = h("section", { class: "chatnb-lane" },
      h("div", { class: "chatnb-lane-head" }, this.title, this.removes),
      this.settings.element,
      this.status,
      this.box,
      this.receipt,
      h("div", { class: "chatnb-lane-foot" }, this.adopt));
  }

  name(number, stays) {
    this.number = number;
    this.title.textContent = `Lane ${number}`;
    this.removes.disabled = stays;
    this.removes.setAttribute("aria-label", `Remove lane ${number}`);
    this.element.setAttribute("aria-label", `Lane ${number}`);
    this.box.setAttribute("aria-label", `Answer of lane ${number}`);
    this.receipt.setAttribute("aria-label", `Receipt of lane ${number}`);
    this.settings.label(number);
    this.adopt.setAttribute("aria-label", `Continue with lane ${number}`);
    this.say();
  }

  begin(asked) {
    Object.assign(this, { asked, answer: null, differences: null, differing: null, answered: "" });
    this.adopt.disabled = true;
    this.receipt.replaceChildren();
    this.restart();
  }

  restart() {
    this.live = new LiveTurn({ flight: 0, prompt: "", who: "" });
    this.box.replaceChildren(this.live.answers);
    this.box.setAttribute("aria-busy", "true");
  }

  wait({ waiting, begins }) {
    if (begins) {
      this.restart();
    }
    this.answered = waiting || "answering…";
    this.say();
  }

  put({ choice, output, html }) {
    const { box } = this;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    this.live.put(choice, output, html);
    if (atEnd) {
      box.scrollTop = box.scrollHeight;
    }
  }

  done({ choices, receipt, line, answered }) {
    const said = choices.map(({ label, html }) =>
      h("div", { class: "chatnb-said" },
        label ? h("div", { class: "chatnb-who" }, label) : null, setHtml(h("div"), html)));
    const error = line ? h("div", { class: "chatnb-error-line", role: "alert" }, line) : null;
    this.answer = h("div", {}, ...said, error);
    typeset(this.page.kernel.model, this.answer);
    this.answered = "";
    this.adopt.disabled = !answered;
    setHtml(this.receipt, receipt);
    this.box.setAttribute("aria-busy", "false");
    this.show(this.page.differ.checked);
  }

  differ(differences) {
    this.differences = differences;
    this.show(this.page.differ.checked);
  }

  show(asDifferences) {
    if (this.answer) {
      this.differing = asDifferences && this.differences;
      const shown = this.differing ? differencesOf(this.differences.parts) : this.answer;
      if (!this.box.contains(shown)) {
        this.box.replaceChildren(shown);
        this.box.scrollTop = 0;
      }
    }
    this.say();
  }

  // What is going on, what differs, or that the settings above are no longer those of the answer.
  say() {
    const moved = this.answer && !same(this.asked, this.settings.asked);
    const words = [
      this.answered,
      this.differing ? this.differences.line : "",
      moved ? "answered with other settings" : "",
    ];
    this.status.textContent = words.filter(Boolean).join(" · ");
  }
}

// Marked by the elements and their decoration, not by color alone.
function differencesOf(parts) {
  const tags = { same: "span", added: "ins", removed: "del" };
  const words = parts.flatMap(({ change, text }) => {
    const bare = text.trimEnd();
    return [h(tags[change], {}, bare), text.slice(bare.length)]; // a blank is not marked
  });
  return h("div", { class: "chatnb-differences", dir: "auto" }, ...words);
}
