/** Our own MapLibre style: inline sources, no glyphs, no sprite, no address at all. */
import type { LayerSpecification, StyleSpecification } from "maplibre-gl";
import type { Theme } from "../lib/ui.svelte";
import { palettes } from "./palette";
import type { FixedScene, LiveScene } from "./scene";

export function mapStyle(theme: Theme, scene: FixedScene & LiveScene): StyleSpecification {
  return {
    version: 8,
    sources: Object.fromEntries(
      Object.entries(scene).map(([name, data]) => [name, { type: "geojson", data, tolerance: 0.1 }]),
    ),
    layers: layers(theme),
  };
}

function layers(theme: Theme): LayerSpecification[] {
  const ink = palettes[theme];
  const base = (layer: string, colour: string): LayerSpecification => ({
    id: `base-${layer}`,
    type: "fill",
    source: "base",
    filter: ["==", ["get", "layer"], layer],
    paint: { "fill-color": colour, "fill-antialias": true },
  });
  const zone = (id: string, kind: string, paint: Record<string, unknown>, type: "fill" | "line"): LayerSpecification =>
    ({ id, type, source: "zones", filter: ["==", ["get", "kind"], kind], paint }) as LayerSpecification;
  return [
    { id: "land", type: "background", paint: { "background-color": ink.land } },
    base("river", ink.river),
    { id: "axis", type: "line", source: "axis", paint: { "line-color": ink.faint, "line-opacity": 0.25, "line-dasharray": [6, 6] } },
    base("foreshore", ink.foreshore),
    {
      id: "foreshore-dots",
      type: "fill",
      source: "base",
      filter: ["==", ["get", "layer"], "foreshore"],
      paint: { "fill-pattern": `foreshore-${theme}`, "fill-opacity": 0.35 },
    },
    base("promenade", ink.promenade),
    base("groyne", ink.groyne),
    base("seawall", ink.seawall),
    zone("drop-line", "drop_safe", { "line-color": ink.ink, "line-opacity": 0.45, "line-dasharray": [0.5, 3], "line-width": 1.5 }, "line"),
    zone("keep-in-line", "keep_in", { "line-color": ink.ink, "line-opacity": 0.5, "line-dasharray": [8, 4], "line-width": 1.5 }, "line"),
    zone("danger-hatch", "danger", { "fill-pattern": `danger-${theme}`, "fill-opacity": 0.16 }, "fill"),
    zone("danger-line", "danger", { "line-color": ink.ink, "line-opacity": 0.55, "line-width": 1 }, "line"),
    zone("keep-out-hatch", "keep_out", { "fill-pattern": `keep_out-${theme}`, "fill-opacity": 0.4 }, "fill"),
    zone("keep-out-line", "keep_out", { "line-color": ink.ink, "line-width": 1.5 }, "line"),
    { id: "views", type: "fill", source: "views", paint: { "fill-color": ink.faint, "fill-opacity": 0.07 } },
    { id: "views-line", type: "line", source: "views", paint: { "line-color": ink.faint, "line-opacity": 0.3, "line-width": 1 } },
    {
      id: "alarms",
      type: "fill",
      source: "alarms",
      paint: { "fill-color": ["case", ["==", ["get", "priority"], 1], ink.alarm, ink.warn], "fill-opacity": 0.12 },
    },
    {
      id: "alarms-line",
      type: "line",
      source: "alarms",
      paint: { "line-color": ["case", ["==", ["get", "priority"], 1], ink.alarm, ink.warn], "line-width": 2 },
    },
    { id: "route", type: "line", source: "route", layout: { "line-cap": "round" }, paint: { "line-color": ink.active, "line-width": 2, "line-opacity": 0.9, "line-dasharray": [1, 2.5] } },
    { id: "trails", type: "line", source: "trails", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": ink.active, "line-width": 3, "line-opacity": 0.55 } },
    {
      id: "spread",
      type: "fill",
      source: "spread",
      paint: { "fill-color": ink.alarm, "fill-opacity": ["case", ["==", ["get", "when"], "now"], 0.22, 0.05] },
    },
    {
      id: "spread-line",
      type: "line",
      source: "spread",
      paint: { "line-color": ink.alarm, "line-width": 1.5, "line-opacity": ["case", ["==", ["get", "when"], "now"], 0.95, 0.4] },
    },
    { id: "track", type: "line", source: "track", paint: { "line-color": ink.alarm, "line-width": 2, "line-dasharray": [2, 2] } },
    { id: "bore-glow", type: "line", source: "bore", paint: { "line-color": ink.bore, "line-width": 14, "line-opacity": 0.18, "line-blur": 8 } },
    { id: "bore-seen", type: "line", source: "bore", filter: ["==", ["get", "observed"], true], paint: { "line-color": ink.bore, "line-width": 4 } },
    { id: "bore-forecast", type: "line", source: "bore", filter: ["==", ["get", "observed"], false], paint: { "line-color": ink.bore, "line-width": 3, "line-dasharray": [3, 1.5] } },
  ];
}
