// The way to the kernel. What is clicked is asked for in two steps, so that a click that waited
// behind a running cell is never carried out late: the front end sends the command only once the
// kernel has said that it is free, and withdraws it where it does not say so in time.

const FREE_WITHIN_MS = 1500;
const BUSY = "The kernel is busy; interrupt stops it.";
const GONE = "The kernel does not answer: run the cell again.";

class Kernel {
  constructor(model) {
    this.model = model;
    this.id = Math.random().toString(36).slice(2); // tells the views of one model apart
    this.waiting = new Map();
    this.asked = 0;
  }

  // At once, or as soon as the kernel is free: only for what does no harm when it is late.
  tell(content) {
    try {
      this.model.send(content);
      return true;
    } catch {
      return false; // the kernel was restarted, or is gone
    }
  }

  // A command: {ok: true}, or {ok: false, line} with what to say.
  ask(command, args = {}) {
    this.settle?.(); // a slider that still moves is meant to count
    const id = `${this.id}-${(this.asked += 1)}`;
    return new Promise((resolve) => {
      if (!this.tell({ do: "ask", id })) {
        resolve({ ok: false, line: GONE });
        return;
      }
      const late = setTimeout(() => this.end(id, { ok: false, line: BUSY }), FREE_WITHIN_MS);
      this.waiting.set(id, { command, args, resolve, late });
    });
  }

  end(id, answer) {
    const asked = this.waiting.get(id);
    if (asked) {
      clearTimeout(asked.late);
      this.waiting.delete(id);
      asked.resolve(answer);
    }
  }

  onFree({ id }) {
    const asked = this.waiting.get(id);
    if (asked) {
      clearTimeout(asked.late);
      this.tell({ do: "go", id, command: asked.command, args: asked.args });
    }
  }

  onTook({ id, line }) {
    this.end(id, { ok: true, line });
  }

  onLate({ id }) {
    this.end(id, { ok: false, line: BUSY });
  }

  onFailed({ id, line }) {
    this.end(id, { ok: false, line });
  }
}
