/** The contract's types by the names the panel uses, taken from the generated schema. */
import type { components } from "./schema";

type Schemas = components["schemas"];

/** The service always sends every field; the schema calls those with a default optional. */
type Full<T> = T extends readonly (infer Item)[]
  ? Full<Item>[]
  : T extends object
    ? { [Key in keyof T]-?: Full<T[Key]> }
    : T;

export type Site = Full<Schemas["SiteView"]>;
export type State = Full<Schemas["StateView"]>;
export type Incident = State["incidents"][number];
export type Alert = Incident["alerts"][number];
export type EvidenceFile = Full<Schemas["EvidenceFile"]>;
export type IncidentState = Incident["state"];
export type Decision = Incident["decisions"][number];
export type Candidate = Decision["candidates"][number];
export type TimelineEntry = Incident["timeline"][number];
export type PreflightReport = Full<Schemas["PreflightReport"]>;
export type CheckResult = PreflightReport["results"][number];
export type CheckId = CheckResult["check"];
export type FlightBlock = State["blocks"][number];
export type Override = Schemas["Override"];
export type Outcome = NonNullable<Incident["outcome"]>;
export type DroneView = State["drones"][number];
export type Drone = Site["drones"][number];
export type DockView = State["docks"][number];
export type DockState = DockView["state"];
export type CameraView = State["cameras"][number];
export type CameraPlace = Site["cameras"][number];
export type CalibrationResult = Full<Schemas["CalibrationResult"]>;
export type CalibrationOrder = Omit<Schemas["CalibrationRequest"], "points"> & {
  /** `datum` says which map a place was read from; the service converts it. */
  points: (Schemas["ControlPoint"] & { datum: string })[];
};
export type Overlay = CalibrationResult["overlay"];
export type PointResidual = CalibrationResult["points"][number];
export type SpeakerPlace = Site["speakers"][number];
export type Drift = State["drifts"][number];
export type Bore = NonNullable<State["bore"]>;
export type Traffic = State["traffic"][number];
export type LatLon = Schemas["LatLon"];
export type Text = Schemas["Text"];
