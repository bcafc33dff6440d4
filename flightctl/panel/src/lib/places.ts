/** Names of places and devices in the chosen language. */
import type { Geometry } from "geojson";
import type { Incident, LatLon, Site, Text } from "../api/types";
import { both, named } from "../i18n/index.svelte";
import { byId, placeOf } from "./incidents";
import { coordinate } from "./format";

interface Zone {
  properties: { id: string; kind: string; name?: Text };
  geometry: Geometry;
}

function zones(site: Site): readonly Zone[] {
  return (site.zones as unknown as { features: readonly Zone[] }).features;
}

/** The zone that the service names, else the danger zone that the place lies in. */
export function zoneOf(site: Site, incident: Incident): Zone | null {
  if (incident.zone_id !== null) return zones(site).find((zone) => zone.properties.id === incident.zone_id) ?? null;
  const place = placeOf(incident);
  if (place === null) return null;
  return zones(site).find((zone) => zone.properties.kind === "danger" && contains(zone.geometry, place)) ?? null;
}

/** Even-odd rule on the outer ring. */
function contains(geometry: Geometry, { lat, lon }: LatLon): boolean {
  const ring = geometry.type === "Polygon" ? (geometry.coordinates[0] ?? []) : [];
  let inside = false;
  ring.forEach(([x = 0, y = 0], index) => {
    const [u = 0, v = 0] = ring[(index + 1) % ring.length] ?? [];
    if (y > lat !== v > lat && lon < x + ((lat - y) / (v - y)) * (u - x)) inside = !inside;
  });
  return inside;
}

export function placeName(site: Site, incident: Incident): string {
  const name = zoneOf(site, incident)?.properties.name;
  const place = placeOf(incident);
  return name === undefined ? (place === null ? "" : coordinate(place)) : both(name);
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
