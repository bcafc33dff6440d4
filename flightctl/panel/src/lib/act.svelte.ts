/** Orders a person gives: one at a time each, with the service's own word when it does not do them. */
import { Refused, Unreachable } from "../api/client";
import { t } from "../i18n/index.svelte";

export interface Note {
  id: number;
  tone: "good" | "alarm";
  title: string;
  detail: string;
}

const GOOD_STAYS_MS = 4000;
const BAD_STAYS_MS = 15_000;

class Acts {
  notes = $state.raw<readonly Note[]>([]);
  running = $state.raw<ReadonlySet<string>>(new Set());
  #serial = 0;

  /** Runs an order under its name; answers whether the service took it. */
  async give(name: string, order: () => Promise<unknown>): Promise<boolean> {
    if (this.running.has(name)) return false;
    this.running = new Set([...this.running, name]);
    try {
      await order();
      this.#note("good", t("act.done", { what: name }), "");
      return true;
    } catch (error) {
      this.#note("alarm", t("act.failed", { what: name }), explain(error));
      return false;
    } finally {
      this.running = new Set([...this.running].filter((other) => other !== name));
    }
  }

  dismiss(id: number): void {
    this.notes = this.notes.filter((note) => note.id !== id);
  }

  #note(tone: Note["tone"], title: string, detail: string): void {
    const id = ++this.#serial;
    this.notes = [...this.notes.slice(-3), { id, tone, title, detail }];
    window.setTimeout(() => this.dismiss(id), tone === "good" ? GOOD_STAYS_MS : BAD_STAYS_MS);
  }
}

function explain(error: unknown): string {
  if (error instanceof Refused) return error.message;
  if (error instanceof Unreachable) return t("act.unreachable");
  return String(error);
}

export const acts = new Acts();
