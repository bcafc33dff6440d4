/** Reading an incident: which data of it a view shows. No rule is decided here. */
import type { Decision, DroneView, Incident, IncidentState, LatLon, State } from "../api/types";

const OVER: ReadonlySet<IncidentState> = new Set(["resolved", "closed", "rejected", "cancelled"]);

/** The way an incident goes when nothing interrupts it. */
export const MAIN_STATES = [
  "detected",
  "verified",
  "dispatched",
  "airborne",
  "on_scene",
  "acting",
  "resolved",
] as const satisfies readonly IncidentState[];

export function isOpen(incident: Incident): boolean {
  return !OVER.has(incident.state);
}

export function byId<Item extends { id: string }>(items: readonly Item[], id: string | null | undefined): Item | null {
  return id == null ? null : (items.find((item) => item.id === id) ?? null);
}

export function latestDecision(incident: Incident): Decision | null {
  return incident.decisions[incident.decisions.length - 1] ?? null;
}

/** Where the incident is now, as far as anybody knows. */
export function placeOf(incident: Incident): (LatLon & { sigma_m: number }) | null {
  return incident.drift?.position ?? incident.position;
}

/** What kind of thing it is: the gravest alert is the one that set the priority, the newest of that kind shows. */
export function kindOf(incident: Incident): Incident["alerts"][number]["kind"] | null {
  const kinds = incident.alerts.map((alert) => alert.kind);
  for (const kind of ["person_in_water", "fall"] as const) if (kinds.includes(kind)) return kind;
  return kinds[kinds.length - 1] ?? null;
}

/** "consent:<id>" to its parts. */
export interface Need {
  raw: string;
  kind: string;
  subject: string;
}

export function parseNeed(raw: string): Need {
  const colon = raw.indexOf(":");
  return colon < 0 ? { raw, kind: raw, subject: "" } : { raw, kind: raw.slice(0, colon), subject: raw.slice(colon + 1) };
}

const KEPT_M = 15;

/** The camera that shows it best: one whose alerting track is nearest to the place, else the newest alert's own. */
export function cameraFor(incident: Incident, state: State, kept: string | null = null): string | null {
  const place = placeOf(incident);
  let best: { id: string; distance: number } | null = null;
  if (place !== null && isOpen(incident)) {
    for (const camera of state.cameras) {
      for (const track of camera.tracks) {
        if (!track.alerting) continue;
        // Two cameras that see the same person would take turns; the one shown stays while it is nearly as good.
        const distance = metresBetween(track.position, place) - (camera.id === kept ? KEPT_M : 0);
        if (distance < 60 && (best === null || distance < best.distance)) best = { id: camera.id, distance };
      }
    }
  }
  if (best !== null) return best.id;
  const known = new Set(state.cameras.map((camera) => camera.id));
  return incident.alerts.findLast((alert) => known.has(alert.camera_id))?.camera_id ?? null;
}

const METRES_PER_DEGREE = 111_320;

/** Good to a metre over a site; for sorting and showing only. */
export function metresBetween(a: LatLon, b: LatLon): number {
  const north = (a.lat - b.lat) * METRES_PER_DEGREE;
  const east = (a.lon - b.lon) * METRES_PER_DEGREE * Math.cos((a.lat * Math.PI) / 180);
  return Math.hypot(east, north);
}

export function servingDrone(incident: Incident, state: State): DroneView | null {
  return byId(state.drones, incident.drone_id) ?? state.drones.find((drone) => drone.incident_id === incident.id) ?? null;
}
