/** Every call to the service's HTTP interface. An error carries what the service said of it. */
import type { CalibrationOrder, CalibrationResult, EvidenceFile, Overlay, Override, PreflightReport, Site } from "./types";

/** What the service answers when it does not do a thing (RFC 9457). */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title);
  }
}

/** No answer came at all. */
export class Unreachable extends Error {}

const BASE = "/api/v1";
const PATIENCE_MS = 10_000;
const CHECKUP_MS = 60_000; // a drone is asked for its parameters one by one, over its own link

async function call(method: "GET" | "POST" | "PUT", path: string, body?: unknown, patienceMs = PATIENCE_MS): Promise<unknown> {
  let answer: Response;
  try {
    const init: RequestInit = { method, signal: AbortSignal.timeout(patienceMs), cache: "no-store" };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { "Content-Type": "application/json" };
    }
    answer = await fetch(BASE + path, init);
  } catch (error) {
    throw new Unreachable(String(error));
  }
  const text = await answer.text();
  const parsed: unknown = text === "" ? null : safeJson(text);
  if (!answer.ok) throw refusal(answer, parsed);
  return parsed;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refusal(answer: Response, parsed: unknown): Refused {
  const problem = (typeof parsed === "object" && parsed !== null ? parsed : {}) as Record<string, unknown>;
  const title = typeof problem.title === "string" ? problem.title : answer.statusText;
  let detail = typeof problem.detail === "string" ? problem.detail : "";
  if (Array.isArray(problem.problems)) detail = [detail, ...problem.problems.map(placeAndReason)].join("\n").trim();
  return new Refused(answer.status, title, detail);
}

function placeAndReason(problem: unknown): string {
  if (typeof problem !== "object" || problem === null) return String(problem);
  const { place, reason } = problem as { place?: unknown; reason?: unknown };
  return [place, reason].filter((part) => typeof part === "string" && part !== "").join(": ");
}

export interface HailRequest {
  text: string;
  language: "zh" | "en";
  speaker_ids: string[];
  drone_id: string | null;
  incident_id: string | null;
}

export const api = {
  site: async () => (await call("GET", "/site")) as Site,
  hold: (hold: boolean) => call("POST", "/hold", { hold }),
  consent: (incident: string, given: boolean) => call("POST", `/incidents/${incident}/consent`, { given }),
  launch: (incident: string, overrides: Override[] = []) => call("POST", `/incidents/${incident}/launch`, overrides.length === 0 ? {} : { overrides }),
  preflight: async (drone: string) => (await call("GET", `/drones/${drone}/preflight`, undefined, CHECKUP_MS)) as PreflightReport,
  reject: (incident: string, reason: string) => call("POST", `/incidents/${incident}/reject`, { reason }),
  close: (incident: string, note: string) => call("POST", `/incidents/${incident}/close`, { note }),
  recall: (drone: string, reason: string) => call("POST", `/drones/${drone}/recall`, { reason }),
  hail: (request: HailRequest) => call("POST", "/hail", request),
  evidenceFiles: async (incident: string) => ((await call("GET", `/incidents/${incident}/evidence`, undefined, CHECKUP_MS)) as { files: EvidenceFile[] }).files,
  evidenceUrl: (path: string, original: boolean) => `${BASE}/evidence/${path}${original ? "?original=true" : ""}`,
  evidenceSaveUrl: (path: string) => `${BASE}/evidence/${path}?download=true`,
  overlay: async (camera: string) => (await call("GET", `/cameras/${camera}/overlay`)) as Overlay,
  tryCalibration: async (camera: string, order: CalibrationOrder) =>
    (await call("POST", `/cameras/${camera}/calibration`, order, CHECKUP_MS)) as CalibrationResult,
  acceptCalibration: (camera: string, order: CalibrationOrder) => call("PUT", `/cameras/${camera}/calibration`, order, CHECKUP_MS),
  frameUrl: (camera: string, seq: number) => `${BASE}/cameras/${camera}/frame.jpg?seq=${seq}`,
};
