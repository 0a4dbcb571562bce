// The conversation: one element a turn. Old turns are not touched while a new one streams.

class Transcript {
  constructor(kernel) {
    this.kernel = kernel;
    this.turns = new Map();
    this.live = null;
    this.list = h("div", { class: "chatnb-turns", role: "log", "aria-label": "Conversation" });
    this.empty = h(
      "p",
      { class: "chatnb-empty" },
      "Nothing has been said yet. What you send here continues the conversation of your %%chat cells.",
    );
    this.element = h("div", { class: "chatnb-transcript", tabindex: "0" }, this.empty, this.list);
    this.element.setAttribute("aria-label", "Transcript");
    this.element.setAttribute("role", "region");
    this.place = Infinity; // how far it is scrolled; at first to the newest turn
    this.element.addEventListener("scroll", () => this.remember());
    // JupyterLab takes cells out of the page while they are out of sight: the place is lost then.
    new ResizeObserver(() => this.element.clientHeight && this.goTo(this.place)).observe(this.element);
  }

  remember() {
    const box = this.element;
    if (!box.clientHeight) {
      return;
    }
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    this.place = atEnd ? Infinity : box.scrollTop;
  }

  goTo(place) {
    this.element.scrollTop = Math.min(place, this.element.scrollHeight);
  }

  // Follows the end of the text, unless the reader has scrolled up.
  following(change) {
    const { place } = this;
    change();
    if (place === Infinity) {
      this.goTo(place);
    }
  }

  onTurns({ order, turns }) {
    this.following(() => {
      for (const turn of turns) {
        this.put(turn);
      }
      for (const [key, view] of this.turns) {
        if (!order.includes(key)) {
          view.element.remove();
          this.turns.delete(key);
        }
      }
      this.arrange(order);
      this.showEmpty();
    });
  }

  put(turn) {
    const old = this.turns.get(turn.key);
    if (old && same(old.turn, turn)) {
      return; // told again for a new view: what is open or typed in this one stays
    }
    const view = new TurnView(this.kernel, turn);
    if (old) {
      const held = old.element.contains(document.activeElement);
      old.element.replaceWith(view.element);
      if (held) {
        view.focus();
      }
    }
    this.turns.set(turn.key, view);
    typeset(this.kernel.model, view.element);
  }

  arrange(order) {
    let before = null;
    for (const key of order) {
      const node = this.turns.get(key).element;
      const next = before ? before.nextSibling : this.list.firstChild;
      if (next !== node) {
        this.list.insertBefore(node, next);
      }
      before = node;
    }
  }

  onLive(event) {
    this.following(() => {
      if (this.live?.flight !== event.flight) {
        this.live?.element.remove();
        this.live = new LiveTurn(event);
        this.list.append(this.live.element);
        this.showEmpty();
      }
      this.live.wait(event.waiting);
    });
  }

  onPiece({ flight, choice, output, html }) {
    if (this.live?.flight === flight) {
      this.following(() => this.live.put(choice, output, html));
    }
  }

  onIdle({ unfinished }) {
    this.following(() => {
      this.live?.element.remove();
      this.live = unfinished ? new UnfinishedTurn(this.kernel, unfinished) : null;
      if (this.live) {
        this.live.conversation = this.name;
        this.list.append(this.live.element);
      }
      this.showEmpty();
    });
  }

  // What failed in another conversation waits there.
  onConversation({ name }) {
    this.name = name;
    if (this.live?.conversation) {
      this.live.element.hidden = this.live.conversation !== name;
    }
    this.showEmpty();
  }

  showEmpty() {
    this.empty.hidden = this.turns.size > 0 || this.live?.element.hidden === false;
  }
}

// Math, by the front end's own MathJax, where there is any.
function typeset(model, node) {
  if (/\$|\\\(|\\\[/.test(node.textContent)) {
    model.widget_manager?.rendermime?.latexTypesetter?.typeset(node);
  }
}

const PATIENCE_MS = 1500;

class LiveTurn {
  constructor({ flight, prompt, who, waiting, patient }) {
    this.flight = flight;
    this.status = h("div", { class: "chatnb-waiting" });
    this.choices = new Map();
    this.answers = h("div", { class: "chatnb-answers" });
    this.element = h(
      "article",
      { class: "chatnb-turn chatnb-live", "aria-label": "Turn in progress", "aria-busy": "true" },
      setHtml(h("div", { class: "chatnb-said chatnb-user" }), prompt),
      h("div", { class: "chatnb-who" }, who),
      this.answers,
      this.status,
    );
    // A connection that hangs says nothing: whoever makes it waits for it.
    setTimeout(() => this.status.textContent === waiting && this.wait(patient), PATIENCE_MS);
  }

  wait(words) {
    this.status.textContent = words;
  }

  put(choice, output, html) {
    const outputs = this.outputs(choice);
    while (outputs.children.length <= output) {
      outputs.append(h("div"));
    }
    setHtml(outputs.children[output], html);
  }

  outputs(choice) {
    if (!this.choices.has(choice)) {
      const outputs = h("div", { class: "chatnb-said chatnb-assistant" });
      this.choices.set(choice, outputs);
      this.answers.append(outputs);
      this.answers.classList.toggle("chatnb-cards", this.choices.size > 1);
    }
    return this.choices.get(choice);
  }
}

// A request that failed or was stopped: no turn, but what came of it stays in sight.
class UnfinishedTurn {
  constructor(kernel, { prompt, answer, line, remedies }) {
    const line_ = new StatusLine();
    const act = async ({ command, args }) => {
      const done = await kernel.ask(command, args);
      if (!done.ok) {
        line_.complain(done.line);
      }
    };
    this.element = h(
      "article",
      { class: "chatnb-turn chatnb-unfinished", "aria-label": "Unfinished turn" },
      prompt ? setHtml(h("div", { class: "chatnb-said chatnb-user" }), prompt) : null,
      answer ? setHtml(h("div", { class: "chatnb-said chatnb-assistant" }), answer) : null,
      h("div", { class: "chatnb-error-line", role: "alert" }, line),
      h(
        "div",
        { class: "chatnb-remedies" },
        ...remedies.map((remedy) => button(remedy.title, () => act(remedy))),
      ),
      line_.element,
    );
  }
}
