// The prompt box: it grows with its text, sends with Ctrl or Cmd and Enter, and loses nothing.

const TALLEST = 240;

class Composer {
  constructor(kernel) {
    this.kernel = kernel;
    this.flight = null;
    this.sending = false;
    this.line = new StatusLine({ class: "chatnb-status-line chatnb-composer-line" });
    this.text = h("textarea", {
      class: "chatnb-prompt",
      rows: 2,
      placeholder: "Ask something",
      "aria-label": "Prompt",
      oninput: () => this.typed(),
      onkeydown: (event) => this.key(event),
    });
    this.send = button("Send", () => this.sendText(), {
      class: "chatnb-button chatnb-primary",
      title: "Ctrl+Enter",
    });
    this.stop = button("Stop", () => this.stopAnswer(), { disabled: true });
    this.element = h(
      "div",
      { class: "chatnb-composer" },
      this.text,
      h("div", { class: "chatnb-composer-buttons" }, this.send, this.stop),
      this.line.element,
    );
  }

  key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.sendText();
    }
  }

  typed() {
    this.grow();
    this.kernel.tell({ do: "draft", text: this.text.value });
  }

  grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight + 2, TALLEST)}px`;
  }

  put(text) {
    this.text.value = text;
    this.typed();
  }

  async sendText() {
    const prompt = this.text.value;
    if (this.sending || this.flight) {
      return;
    }
    if (!prompt.trim()) {
      this.line.complain("The prompt is empty.");
      this.text.focus();
      return;
    }
    this.sending = true;
    this.line.say("");
    const answer = await this.kernel.ask("send", { prompt });
    this.sending = false;
    if (!answer.ok) {
      this.line.complain(answer.line);
    } else if (this.text.value === prompt) {
      this.put("");
    }
  }

  // Not asked for in two steps: it names the answer that it ends, so it cannot end a later one.
  stopAnswer() {
    this.kernel.tell({ do: "stop", flight: this.flight });
    this.line.say("Stopping…"); // until the answer has ended
  }

  onLive({ flight }) {
    this.flight = flight;
    this.send.disabled = true;
    this.stop.disabled = false;
  }

  onIdle({ draft, hints = [] }) {
    const stopped = document.activeElement === this.stop;
    this.flight = null;
    this.send.disabled = false;
    this.stop.disabled = true;
    if (draft && !this.text.value) {
      this.put(draft);
    }
    this.hint(hints);
    if (stopped) {
      this.text.focus();
    }
  }

  // What would make the last answer better, as buttons.
  hint(hints) {
    const act = async ({ command, args }) => {
      const answer = await this.kernel.ask(command, args);
      this.line.complain(answer.ok ? "" : answer.line);
    };
    const label = { class: "chatnb-button chatnb-quiet" };
    this.line.say("", ...hints.map((each) => button(each.title, () => act(each), label)));
  }

  onDraft({ text }) {
    this.put(text);
    this.text.focus();
  }
}
