/** Lets markers glide from one message to the next instead of jumping. */
import type { LatLon } from "../api/types";

export interface Pose extends LatLon {
  heading: number;
}

interface Move {
  from: Pose;
  to: Pose;
  startMs: number;
}

const GLIDE_MS = 260; // a little longer than the 200 ms between messages
const JUMP_DEGREES = 0.01; // about a kilometre: a restart, not a flight

export class Glide {
  poses = $state.raw<ReadonlyMap<string, Pose>>(new Map());
  readonly #moves = new Map<string, Move>();
  readonly #still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  #frame = 0;

  aim(targets: ReadonlyMap<string, Pose>): void {
    const now = performance.now();
    for (const id of this.#moves.keys()) if (!targets.has(id)) this.#moves.delete(id);
    for (const [id, to] of targets) {
      const move = this.#moves.get(id);
      const from = move === undefined || this.#still || isJump(poseAt(move, now), to) ? to : poseAt(move, now);
      this.#moves.set(id, { from, to, startMs: now });
    }
    if (this.#frame === 0) this.#step();
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
  }

  #step = (): void => {
    const now = performance.now();
    this.poses = new Map([...this.#moves].map(([id, move]) => [id, poseAt(move, now)]));
    const moving = [...this.#moves.values()].some((move) => now - move.startMs < GLIDE_MS && move.from !== move.to);
    this.#frame = moving ? requestAnimationFrame(this.#step) : 0;
  };
}

function isJump(a: LatLon, b: LatLon): boolean {
  return Math.abs(a.lat - b.lat) > JUMP_DEGREES || Math.abs(a.lon - b.lon) > JUMP_DEGREES;
}

function poseAt({ from, to, startMs }: Move, now: number): Pose {
  const part = Math.min(1, (now - startMs) / GLIDE_MS);
  if (part >= 1) return to;
  const turn = ((to.heading - from.heading + 540) % 360) - 180;
  return {
    lat: from.lat + (to.lat - from.lat) * part,
    lon: from.lon + (to.lon - from.lon) * part,
    heading: from.heading + turn * part,
  };
}
