/** A drone's pre-flight report, asked for when somebody looks: the drone answers for its parameters one by one. */
import { api, Refused, Unreachable } from "../api/client";
import type { CheckResult, PreflightReport } from "../api/types";
import { t } from "../i18n/index.svelte";
import type { Tone } from "./tone";

const RANK: Record<CheckResult["severity"], number> = { block: 0, warn: 1, pass: 2 };
const TONES: Record<CheckResult["severity"], Tone> = { block: "alarm", warn: "warn", pass: "good" };

export function checkTone(result: CheckResult): Tone {
  return result.override === null ? TONES[result.severity] : "warn";
}

/** The gravest first; else in the service's order. */
export function gravestFirst(results: readonly CheckResult[]): CheckResult[] {
  return [...results].sort((a, b) => RANK[a.severity] - RANK[b.severity]);
}

export class Checkup {
  report = $state.raw<PreflightReport | null>(null);
  running = $state(false);
  fault = $state("");
  readonly #drone: string;

  constructor(drone: string) {
    this.#drone = drone;
  }

  async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    this.fault = "";
    try {
      this.report = await api.preflight(this.#drone);
    } catch (error) {
      this.fault = error instanceof Refused ? error.message : error instanceof Unreachable ? t("act.unreachable") : String(error);
    } finally {
      this.running = false;
    }
  }
}
