/** The one place where a state becomes a colour. Colour means state and nothing else. */
import type { CameraView, DockState, DroneView, Incident } from "../api/types";
import { isOpen } from "./incidents";

export type Tone = "off" | "calm" | "active" | "good" | "warn" | "alarm";

const DOCK: Record<DockState, Tone> = {
  offline: "off",
  idle: "calm",
  preparing: "active",
  cover_opening: "active",
  ready: "active",
  launching: "active",
  airborne: "active",
  returning: "active",
  landing: "active",
  cover_closing: "active",
  charging: "calm",
  fault: "alarm",
  maintenance: "warn",
  weather_hold: "warn",
  estop: "alarm",
};

export function dockTone(state: DockState): Tone {
  return DOCK[state];
}

export function droneTone(drone: DroneView): Tone {
  if (!drone.online) return "off";
  if (drone.armed) return "active";
  return drone.reason === "" ? "calm" : "warn";
}

const CAMERA: Record<CameraView["health"], Tone> = {
  starting: "off",
  ok: "calm",
  dark: "warn",
  frozen: "warn",
  lost: "alarm",
  knocked: "warn",
  dirty: "warn",
  blinded: "warn",
  covered: "alarm",
};

export function cameraTone(camera: CameraView): Tone {
  return CAMERA[camera.health];
}

export function incidentTone(incident: Incident): Tone {
  if (!isOpen(incident)) return incident.state === "resolved" ? "good" : "off";
  if (incident.priority === 1) return "alarm";
  return incident.priority <= 3 ? "warn" : "calm";
}
