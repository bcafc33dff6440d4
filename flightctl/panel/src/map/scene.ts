/** What the map shows, as plain GeoJSON by layer. Both drawings (MapLibre, flat canvas) draw exactly this. */
import type { Feature, FeatureCollection, Geometry, Position } from "geojson";
import type { Incident, LatLon, Site, State } from "../api/types";
import { isOpen, latestDecision, placeOf } from "../lib/incidents";
import { zoneOf } from "../lib/places";

export type Collection = FeatureCollection<Geometry, Record<string, string | number | boolean>>;
type Properties = Record<string, string | number | boolean>;

/** Layers that never change while the service runs. */
export const FIXED_LAYERS = ["base", "zones", "views", "axis"] as const;
/** Layers that change with every message. */
export const LIVE_LAYERS = ["alarms", "trails", "route", "spread", "track", "bore"] as const;

export type FixedScene = Record<(typeof FIXED_LAYERS)[number], Collection>;
export type LiveScene = Record<(typeof LIVE_LAYERS)[number], Collection>;

export function fixedScene(site: Site): FixedScene {
  return {
    base: plain(site.basemap as unknown as FeatureCollection),
    zones: plain(site.zones as unknown as FeatureCollection),
    views: collect(site.cameras.map((camera) => polygon(camera.field_of_view, { id: camera.id }))),
    axis: collect([line(site.river_axis, {})]),
  };
}

export function liveScene(site: Site, state: State, selected: Incident | null): LiveScene {
  const open = state.incidents.filter(isOpen);
  return {
    alarms: alarmedZones(site, open),
    trails: collect(
      state.drones.filter((drone) => drone.trail.length > 1).map((drone) => line(drone.trail, { id: drone.id })),
    ),
    route: routeOf(selected),
    spread: collect(open.flatMap((incident) => spreadOf(incident, state))),
    track: collect(
      state.drifts.map((drift) => line([drift.position, ...drift.track], { id: drift.incident_id })),
    ),
    bore: boreOf(state),
  };
}

function alarmedZones(site: Site, open: readonly Incident[]): Collection {
  const urgent = new Map<string, number>();
  for (const incident of open) {
    const id = zoneOf(site, incident)?.properties.id;
    if (id !== undefined) urgent.set(id, Math.min(urgent.get(id) ?? 9, incident.priority));
  }
  const zones = plain(site.zones as unknown as FeatureCollection);
  return collect(
    zones.features.flatMap((zone) => {
      const priority = urgent.get(String(zone.properties.id));
      return priority === undefined ? [] : [{ ...zone, properties: { priority } }];
    }),
  );
}

function routeOf(incident: Incident | null): Collection {
  const decision = incident !== null && isOpen(incident) ? latestDecision(incident) : null;
  if (decision === null || decision.route.length < 2) return collect([]);
  return collect([line(decision.route, {})]);
}

/** One sigma around where the person is reckoned to be now, and fainter ones along the next minute. */
function spreadOf(incident: Incident, state: State): Feature<Geometry, Properties>[] {
  const drift = state.drifts.find((candidate) => candidate.incident_id === incident.id);
  const now = drift?.position ?? placeOf(incident);
  if (now === null) return [];
  const later = drift === undefined ? [] : drift.track.filter((_, index) => index % 2 === 1);
  return [
    ...later.map((position) => polygon(circle(position, position.sigma_m), { when: "later" })),
    polygon(circle(now, now.sigma_m), { when: "now" }),
  ];
}

function boreOf(state: State): Collection {
  const front = state.bore?.front;
  if (front == null || front.line.length < 2) return collect([]);
  return collect([line(front.line, { observed: front.observed })]);
}

const METRES_PER_DEGREE = 111_320;

export function circle(centre: LatLon, radius_m: number, corners = 48): LatLon[] {
  const perLon = METRES_PER_DEGREE * Math.cos((centre.lat * Math.PI) / 180);
  return Array.from({ length: corners + 1 }, (_, index) => {
    const angle = (index / corners) * 2 * Math.PI;
    return {
      lat: centre.lat + (radius_m * Math.cos(angle)) / METRES_PER_DEGREE,
      lon: centre.lon + (radius_m * Math.sin(angle)) / perLon,
    };
  });
}

function at(point: LatLon): Position {
  return [point.lon, point.lat];
}

function line(points: readonly LatLon[], properties: Properties): Feature<Geometry, Properties> {
  return { type: "Feature", properties, geometry: { type: "LineString", coordinates: points.map(at) } };
}

function polygon(ring: readonly LatLon[], properties: Properties): Feature<Geometry, Properties> {
  return { type: "Feature", properties, geometry: { type: "Polygon", coordinates: [ring.map(at)] } };
}

function collect(features: Feature<Geometry, Properties>[]): Collection {
  return { type: "FeatureCollection", features };
}

/** Only flat properties travel to the map's worker. */
function plain(collection: FeatureCollection): Collection {
  return collect(
    collection.features
      .filter((feature): feature is Feature<Geometry> => feature.geometry !== null)
      .map((feature) => ({
        type: "Feature",
        geometry: feature.geometry,
        properties: flat(feature.properties ?? {}),
      })),
  );
}

function flat(properties: Record<string, unknown>): Properties {
  const kept: Properties = {};
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") kept[key] = value;
  }
  return kept;
}

/** The part of the site worth a first look: the devices and the danger zones, not the whole airspace. */
export function siteExtent(site: Site): LatLon[] {
  const zones = plain(site.zones as unknown as FeatureCollection).features.filter((zone) => zone.properties.kind === "danger");
  return [
    ...site.docks.map((dock) => dock.position),
    ...site.cameras.map((camera) => camera.position),
    ...zones.flatMap((zone) => corners(zone.geometry)),
  ];
}

function corners(geometry: Geometry): LatLon[] {
  if (geometry.type !== "Polygon") return [];
  return (geometry.coordinates[0] ?? []).map(([lon = 0, lat = 0]) => ({ lat, lon }));
}

/** The middle of a zone, for its name. */
export function middle(geometry: Geometry): LatLon | null {
  const ring = corners(geometry).slice(0, -1);
  if (ring.length === 0) return null;
  const lats = ring.map((point) => point.lat);
  const lons = ring.map((point) => point.lon);
  return {
    lat: (Math.min(...lats) + Math.max(...lats)) / 2,
    lon: (Math.min(...lons) + Math.max(...lons)) / 2,
  };
}
