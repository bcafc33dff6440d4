/** Names of places and devices in the chosen language. */
import type { Incident, Site } from "../api/types";
import { both, named } from "../i18n/index.svelte";
import { byId, placeOf } from "./incidents";
import { coordinate } from "./format";

export function zoneName(site: Site, id: string | null): string | null {
  if (id === null) return null;
  for (const feature of (site.zones as { features?: { properties?: Record<string, unknown> }[] }).features ?? []) {
    const name = feature.properties?.name as { zh: string; en: string } | undefined;
    if (feature.properties?.id === id && name !== undefined) return both(name);
  }
  return id;
}

export function placeName(site: Site, incident: Incident): string {
  const place = placeOf(incident);
  return zoneName(site, incident.zone_id) ?? (place === null ? "" : coordinate(place));
}

/** "vision:cam-3" to the camera's own name. */
export function actorName(site: Site, actor: string): string {
  const id = actor.slice(actor.indexOf(":") + 1);
  const device = byId(site.cameras, id) ?? byId(site.docks, id) ?? byId(site.drones, id) ?? byId(site.speakers, id);
  return device === null ? named("actor", actor) : both(device.name);
}

export function droneName(site: Site, id: string | null): string {
  const drone = byId(site.drones, id);
  return drone === null ? (id ?? "–") : both(drone.name);
}

export function dockName(site: Site, id: string | null): string {
  const dock = byId(site.docks, id);
  return dock === null ? (id ?? "–") : both(dock.name);
}
