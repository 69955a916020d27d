/**
 * The tables of a buffer in PostgreSQL, as a list of migrations; the table `store` says how many of them a schema has seen.
 * They are those of SQLite (`StoreSchema`) in another dialect; nothing is executed here.
 */

/** Whose tables they are, in `store.program`. */
export const program = "dreamgym"

/** A schema's name as SQL writes it. */
export const quoted = (schema: string): string => `"${schema}"`

/** Letters, digits and underscores, as PostgreSQL folds them, at most 63; `pg_` is the server's own. */
export const isSchemaName = (name: string): boolean =>
  /^[a-z_][a-z0-9_]{0,62}$/.test(name) && !name.startsWith("pg_")

/**
 * Rows are never overwritten but for `gone` and `priority`. `gone` is null while a trajectory is kept, else the newest snapshot there
 * was when it went; snapshot v holds what has seq <= max_seq and was not gone before it. A row that no snapshot holds is deleted.
 * A row of `former_priority` is the priority that a trajectory had at snapshot `version` and at those before it back to the next row.
 * `seq` comes from a sequence that is only asked under the lock of writers, so that the younger has the greater.
 *
 * `@` stands for the schema. JSON lies in `json`: `jsonb` would sort the keys, and refuses \u0000 and lone surrogates.
 */
const first = `
create table @.store (
  program text not null,
  version integer not null,
  horizon bigint not null
);

create sequence @.trajectory_seq;

create table @.trajectory (
  seq bigint primary key,
  fingerprint text not null,
  id text not null,
  environment text not null,
  task_id text not null,
  task json not null,
  first_observation text not null,
  ending json not null,
  success bigint not null,
  failed bigint not null,
  policy text not null,
  policy_version bigint not null,
  source text not null check (source in ('real', 'synthetic')),
  total_reward double precision,
  length bigint not null,
  real_steps bigint not null,
  quality double precision not null,
  priority double precision not null,
  iteration bigint,
  verdict text check (verdict in ('accepted', 'rejected')),
  reason text,
  verdict_message text,
  verdict_scores json,
  shelf text not null check (shelf in ('real', 'synthetic', 'rejected')),
  added_at bigint not null,
  gone bigint
);
create unique index trajectory_content on @.trajectory (fingerprint) where gone is null;
create index trajectory_eviction on @.trajectory (shelf, quality, seq) where gone is null;
create index trajectory_gone on @.trajectory (gone) where gone is not null;
create table @.step (
  trajectory bigint not null references @.trajectory (seq) on delete cascade,
  idx bigint not null,
  observation text,
  action text not null,
  tool_call json,
  span json,
  reward double precision,
  next_observation text not null,
  source text not null check (source in ('real', 'synthetic')),
  origin text not null,
  origin_version text not null,
  retrieved json,
  reasoning text,
  scores json,
  cost double precision,
  prompt_hash text,
  prompt_tokens bigint,
  completion_tokens bigint,
  latency double precision,
  primary key (trajectory, idx)
);

create table @.snapshot (
  version bigint primary key generated always as identity,
  max_seq bigint not null,
  trajectories bigint not null,
  taken_at bigint not null
);

create table @.event (
  seq bigint primary key generated always as identity,
  kind text not null check (kind in ('added', 'evicted', 'replaced', 'prioritised', 'restored')),
  subject bigint not null,
  priority double precision,
  at bigint not null
);

create table @.embedding (
  trajectory bigint primary key references @.trajectory (seq) on delete cascade,
  embedder text not null,
  dimension bigint not null,
  vectors bytea not null
);
alter table @.embedding alter column vectors set storage external;

create table @.former_priority (
  trajectory bigint not null references @.trajectory (seq) on delete cascade,
  version bigint not null,
  priority double precision not null,
  primary key (trajectory, version)
);
create index embedding_space on @.embedding (dimension, trajectory);
insert into @.store (program, version, horizon) values ('${program}', 0, 0)
`

/** A space has the table `vectors_` and its id, where the database has pgvector: rows of a type that others do not know. */
const second = `
create table @.vector_space (
  id bigint primary key generated always as identity,
  embedder text not null,
  dimension bigint not null,
  unique (embedder, dimension)
)
`

/** Migration n leads from version n to n + 1. A migration that was published is never changed. */
const migrations: ReadonlyArray<string> = [first, second]

/** The version of the tables that this program knows. */
export const newest = migrations.length

/** What leads from `version` to the newest, statement by statement; `schema` is quoted. */
export const migrationsFrom = (version: number, schema: string): ReadonlyArray<string> =>
  migrations
    .slice(version)
    .flatMap((migration) => migration.replaceAll("@.", () => `${schema}.`).split(";"))
