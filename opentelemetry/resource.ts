import { SDK_INFO } from "@opentelemetry/core";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import type { CleanAttributes } from "../ctx/attributes.ts";
import { Environment } from "./configuration/environment.ts";
import { NAME, VERSION } from "./version.ts";

/** What Deno Deploy says of itself in the environment, and the attribute that says it on. */
const DENO_DEPLOY = {
  "cloud.region": "DENO_REGION",
  "deployment.id": "DENO_DEPLOYMENT_ID",
  "deno.deploy.app.id": "DENO_DEPLOY_APP_ID",
  "deno.deploy.app.slug": "DENO_DEPLOY_APP_SLUG",
  "deno.deploy.org.id": "DENO_DEPLOY_ORG_ID",
  "deno.deploy.org.slug": "DENO_DEPLOY_ORG_SLUG",
  "deno.deploy.build.id": "DENO_DEPLOY_BUILD_ID",
  "deno.deploy.timeline": "DENO_TIMELINE",
} as const;

/** Who the telemetry comes from. */
export interface Identity {
  readonly service: string;
  readonly version: string | undefined;
  readonly environment: string | undefined;
  readonly instance: string;
  readonly attributes: CleanAttributes;
}

/** The resource of all three signals: what the library knows, then what was given, which wins. */
export function createResource(identity: Identity): Resource {
  return resourceFromAttributes({
    "service.name": identity.service,
    "service.version": identity.version,
    "service.instance.id": identity.instance,
    "deployment.environment.name": identity.environment,
    "deployment.environment": identity.environment,
    ...SDK_INFO,
    "telemetry.distro.name": NAME,
    "telemetry.distro.version": VERSION,
    "process.runtime.name": "deno",
    "process.runtime.version": Deno.version.deno,
    ...denoDeploy(),
    ...identity.attributes,
  });
}

function denoDeploy(): CleanAttributes {
  const environment = new Environment();
  const attributes: CleanAttributes = {};
  for (const [name, variable] of Object.entries(DENO_DEPLOY)) {
    const value = environment.get(variable);
    if (value !== undefined) attributes[name] = value;
  }
  return attributes;
}
