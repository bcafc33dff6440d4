/** The live state: one WebSocket, opened again with back-off, and an honest word on how fresh it is.
 *
 *  connecting ──► live ──► late (no message for LATE_MS) ──► live
 *       ▲           │        │
 *       └── lost ◄──┴────────┘     lost: the socket is closed; the last state stays on view, marked as old
 */
import type { Site, State } from "./types";
import { api } from "./client";

export type Connection = "connecting" | "live" | "late" | "lost";

const LATE_MS = 1500;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 5000;

class Live {
  site = $state.raw<Site | null>(null);
  state = $state.raw<State | null>(null);
  connection = $state<Connection>("connecting");
  /** The service's time now, in ms since 1970; stands still while the stream is interrupted. */
  nowMs = $state(0);
  /** Seconds since the last message. */
  silentS = $state(0);

  #socket: WebSocket | null = null;
  #retryMs = FIRST_RETRY_MS;
  #retryTimer = 0;
  #receivedAt = 0;
  #stateAtMs = 0;
  #stopped = false;

  start(): () => void {
    void this.#loadSite();
    this.#open();
    const ticker = window.setInterval(() => this.#tick(), 250);
    return () => {
      this.#stopped = true;
      window.clearInterval(ticker);
      window.clearTimeout(this.#retryTimer);
      this.#socket?.close();
    };
  }

  async #loadSite(): Promise<void> {
    for (;;) {
      try {
        this.site = await api.site();
        return;
      } catch {
        if (this.#stopped) return;
        await new Promise((done) => window.setTimeout(done, 1000));
      }
    }
  }

  #open(): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/stream`);
    this.#socket = socket;
    socket.onmessage = (message: MessageEvent<string>) => this.#take(JSON.parse(message.data) as State);
    socket.onclose = () => {
      if (this.#socket !== socket || this.#stopped) return;
      this.connection = "lost";
      this.#retryTimer = window.setTimeout(() => this.#open(), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    };
  }

  #take(state: State): void {
    if (state.type !== "state") return;
    this.#retryMs = FIRST_RETRY_MS;
    this.#receivedAt = performance.now();
    this.#stateAtMs = Date.parse(state.at);
    this.state = state;
    this.connection = "live";
    this.silentS = 0;
    this.#tick();
  }

  #tick(): void {
    if (this.#receivedAt === 0) return;
    const silentMs = performance.now() - this.#receivedAt;
    this.silentS = silentMs / 1000;
    if (this.connection === "live" && silentMs > LATE_MS) this.connection = "late";
    if (this.connection === "live") this.nowMs = this.#stateAtMs + silentMs;
  }
}

export const live = new Live();
