/** What this viewer chose: theme, selection, open dialogs. Nothing of it concerns the service. */
import type { Incident, LatLon } from "../api/types";
import { live } from "../api/live.svelte";
import { byId, isOpen, latestDecision, placeOf, servingDrone } from "./incidents";
import { stored, store } from "./storage";

export type Theme = "dark" | "light";

export type Dialog =
  | { kind: "hail"; incidentId: string | null }
  | { kind: "recall"; droneId: string }
  | { kind: "reject"; incidentId: string }
  | { kind: "close"; incidentId: string }
  | { kind: "camera"; cameraId: string }
  | { kind: "calibrate"; cameraId: string }
  | { kind: "drone"; droneId: string }
  | { kind: "override"; incidentId: string; droneId: string | null }
  | { kind: "help" };

/** What the map is asked to show; a new `serial` asks again. */
export interface MapView {
  serial: number;
  points: readonly LatLon[] | "all";
}

class Ui {
  theme = $state<Theme>(stored("theme", ["dark", "light"] as const, "dark"));
  dialog = $state<Dialog | null>(null);
  /** The incident picked by hand; null follows the most urgent one. */
  pickedId = $state<string | null>(null);
  releasingHold = $state(false);
  /** The shortcut for giving the drop is held down. */
  giveHeld = $state(false);
  mapView = $state.raw<MapView>({ serial: 0, points: "all" });

  readonly selected: Incident | null = $derived.by(() => {
    const incidents = live.state?.incidents ?? [];
    return byId(incidents, this.pickedId) ?? incidents.find(isOpen) ?? incidents[0] ?? null;
  });

  setTheme(theme: Theme): void {
    this.theme = theme;
    store("theme", theme);
  }

  pick(id: string | null): void {
    this.pickedId = id;
  }

  show(points: readonly LatLon[] | "all"): void {
    this.mapView = { serial: this.mapView.serial + 1, points };
  }

  /** Shows the selected incident and whoever serves it. */
  focusSelected(): void {
    const [incident, state] = [this.selected, live.state];
    if (incident === null || state === null) return;
    const drone = servingDrone(incident, state);
    const drift = state.drifts.find((candidate) => candidate.incident_id === incident.id);
    const points = [
      placeOf(incident),
      drone?.in_dock === false ? drone.position : null,
      ...(isOpen(incident) ? (latestDecision(incident)?.route ?? []) : []),
      ...(drift?.track ?? []),
    ].filter((point) => point !== null);
    if (points.length > 0) this.show(points);
  }

  /** Leaves whatever was opened last: a question, then the picked incident. */
  escape(): void {
    if (this.releasingHold) this.releasingHold = false;
    else this.pickedId = null;
  }

  open(dialog: Dialog): void {
    this.dialog = dialog;
  }

  closeDialog(): void {
    this.dialog = null;
  }
}

export const ui = new Ui();
