CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE acceptances (
	id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	night DATE NOT NULL, 
	frames JSON NOT NULL, 
	reason TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	at_utc DATETIME NOT NULL, 
	until DATE, 
	revoked_utc DATETIME, 
	CONSTRAINT pk_acceptances PRIMARY KEY (id)
);

CREATE INDEX ix_acceptances_instrument ON acceptances (instrument, night);

CREATE TABLE aways (
	id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	first_night DATE NOT NULL, 
	last_night DATE NOT NULL, 
	reason TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	at_utc DATETIME NOT NULL, 
	revoked_utc DATETIME, 
	CONSTRAINT pk_aways PRIMARY KEY (id)
);

CREATE INDEX ix_aways_instrument ON aways (instrument);

CREATE TABLE hops (
	id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	hop TEXT NOT NULL, 
	CONSTRAINT pk_hops PRIMARY KEY (id), 
	CONSTRAINT uq_hops_instrument UNIQUE (instrument, hop)
);

CREATE TABLE jobs (
	job TEXT NOT NULL, 
	due_utc DATETIME NOT NULL, 
	started_utc DATETIME, 
	finished_utc DATETIME, 
	state TEXT, 
	CONSTRAINT pk_jobs PRIMARY KEY (job, due_utc)
);

CREATE TABLE losses (
	host TEXT NOT NULL, 
	root TEXT NOT NULL, 
	expected_files BIGINT NOT NULL, 
	seen_files BIGINT NOT NULL, 
	noticed_utc DATETIME NOT NULL, 
	is_pending BOOLEAN NOT NULL, 
	accepted_utc DATETIME, 
	accepted_by TEXT, 
	CONSTRAINT pk_losses PRIMARY KEY (host, root)
);

CREATE TABLE moved (
	hop_id INTEGER NOT NULL, 
	path BLOB NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	mtime_s DOUBLE NOT NULL, 
	sha256 TEXT, 
	batch_id INTEGER NOT NULL, 
	CONSTRAINT pk_moved PRIMARY KEY (hop_id, path)
)
 WITHOUT ROWID

;

CREATE TABLE roots (
	host TEXT NOT NULL, 
	root TEXT NOT NULL, 
	identity TEXT NOT NULL, 
	is_vouched BOOLEAN NOT NULL, 
	first_seen_utc DATETIME NOT NULL, 
	last_seen_utc DATETIME NOT NULL, 
	CONSTRAINT pk_roots PRIMARY KEY (host, root)
);

CREATE TABLE runs (
	id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	started_utc DATETIME NOT NULL, 
	finished_utc DATETIME, 
	crashed_utc DATETIME, 
	state TEXT, 
	host TEXT NOT NULL, 
	pid BIGINT NOT NULL, 
	CONSTRAINT pk_runs PRIMARY KEY (id)
);

CREATE INDEX ix_runs_kind ON runs (kind, finished_utc);

CREATE TABLE steps (
	id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	copy TEXT NOT NULL, 
	step TEXT NOT NULL, 
	subject BLOB NOT NULL, 
	night DATE NOT NULL, 
	digest TEXT NOT NULL, 
	result TEXT NOT NULL, 
	at_utc DATETIME NOT NULL, 
	seconds DOUBLE NOT NULL, 
	reason TEXT, 
	CONSTRAINT pk_steps PRIMARY KEY (id), 
	CONSTRAINT uq_steps_instrument UNIQUE (instrument, copy, step, subject)
);

CREATE INDEX ix_steps_night ON steps (instrument, night);

CREATE TABLE acceptance_files (
	acceptance_id INTEGER NOT NULL, 
	path BLOB NOT NULL, 
	CONSTRAINT pk_acceptance_files PRIMARY KEY (acceptance_id, path), 
	CONSTRAINT fk_acceptance_files_acceptance_id FOREIGN KEY(acceptance_id) REFERENCES acceptances (id) ON DELETE CASCADE
);

CREATE TABLE batches (
	id INTEGER NOT NULL, 
	hop_id INTEGER NOT NULL, 
	run_id INTEGER, 
	at_utc DATETIME NOT NULL, 
	CONSTRAINT pk_batches PRIMARY KEY (id), 
	CONSTRAINT fk_batches_hop_id FOREIGN KEY(hop_id) REFERENCES hops (id) ON DELETE CASCADE, 
	CONSTRAINT fk_batches_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE SET NULL
);

CREATE TABLE hop_runs (
	run_id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	hop TEXT NOT NULL, 
	source TEXT NOT NULL, 
	destination TEXT NOT NULL, 
	source_root TEXT NOT NULL, 
	destination_root TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT, 
	engine TEXT, 
	level TEXT, 
	source_files BIGINT NOT NULL, 
	planned BIGINT NOT NULL, 
	transferred BIGINT NOT NULL, 
	failed BIGINT NOT NULL, 
	moved_bytes BIGINT NOT NULL, 
	seconds DOUBLE NOT NULL, 
	compared BIGINT NOT NULL, 
	not_comparable BIGINT NOT NULL, 
	CONSTRAINT pk_hop_runs PRIMARY KEY (run_id, instrument, hop), 
	CONSTRAINT fk_hop_runs_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);

CREATE TABLE nights (
	instrument TEXT NOT NULL, 
	hop TEXT NOT NULL, 
	night DATE NOT NULL, 
	state TEXT NOT NULL, 
	source_files BIGINT NOT NULL, 
	freed_files BIGINT NOT NULL, 
	open_files BIGINT NOT NULL, 
	first_seen_utc DATETIME, 
	proven_utc DATETIME, 
	level TEXT, 
	moved_files BIGINT NOT NULL, 
	moved_bytes BIGINT NOT NULL, 
	moved_utc DATETIME, 
	run_id INTEGER, 
	CONSTRAINT pk_nights PRIMARY KEY (instrument, hop, night), 
	CONSTRAINT fk_nights_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE SET NULL
);

CREATE TABLE products (
	step_id INTEGER NOT NULL, 
	path BLOB NOT NULL, 
	sha256 TEXT NOT NULL, 
	CONSTRAINT pk_products PRIMARY KEY (step_id, path), 
	CONSTRAINT fk_products_step_id FOREIGN KEY(step_id) REFERENCES steps (id) ON DELETE CASCADE
);

CREATE TABLE run_instruments (
	run_id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	CONSTRAINT pk_run_instruments PRIMARY KEY (run_id, instrument), 
	CONSTRAINT fk_run_instruments_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);

CREATE TABLE waiting (
	hop_id INTEGER NOT NULL, 
	path BLOB NOT NULL, 
	since_utc DATETIME NOT NULL, 
	CONSTRAINT pk_waiting PRIMARY KEY (hop_id, path), 
	CONSTRAINT fk_waiting_hop_id FOREIGN KEY(hop_id) REFERENCES hops (id) ON DELETE CASCADE
);

CREATE TABLE exposures (
	id BLOB NOT NULL, 
	instrument TEXT NOT NULL, 
	variant TEXT NOT NULL, 
	night DATE NOT NULL, 
	number BIGINT, 
	name TEXT NOT NULL, 
	header_night DATE, 
	date DATETIME, 
	exptime DOUBLE, 
	skyra DOUBLE, 
	skydec DOUBLE, 
	airmass DOUBLE, 
	object TEXT, 
	exptype TEXT, 
	program TEXT, 
	tile_id BIGINT, 
	seeing DOUBLE, 
	transparency DOUBLE, 
	skylevel DOUBLE, 
	s2n DOUBLE, 
	facts JSON NOT NULL, 
	data_written BOOLEAN NOT NULL, 
	data_written_utc DATETIME, 
	arrived_utc DATETIME NOT NULL, 
	waits_for TEXT, 
	catalogued_utc DATETIME NOT NULL, 
	CONSTRAINT pk_exposures PRIMARY KEY (id)
);

CREATE INDEX ix_exposures_arrived_utc ON exposures (instrument, arrived_utc, number, name);

CREATE INDEX ix_exposures_date ON exposures (instrument, date, number, name);

CREATE INDEX ix_exposures_exptype ON exposures (instrument, exptype, night, number, name);

CREATE INDEX ix_exposures_night ON exposures (instrument, night, number, name);

CREATE INDEX ix_exposures_number ON exposures (instrument, number, name);

CREATE INDEX ix_exposures_object ON exposures (instrument, object, night, number, name);

CREATE INDEX ix_exposures_program ON exposures (instrument, program, night, number, name);

CREATE INDEX ix_exposures_tile_id ON exposures (instrument, tile_id, night, number, name);

CREATE TABLE exposure_files (
	id BLOB NOT NULL, 
	exposure_id BLOB, 
	instrument TEXT NOT NULL, 
	variant TEXT NOT NULL, 
	night DATE NOT NULL, 
	camera TEXT NOT NULL, 
	path BLOB NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	mtime_s DOUBLE NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT, 
	facts JSON, 
	read_utc DATETIME, 
	CONSTRAINT pk_exposure_files PRIMARY KEY (id)
);

CREATE INDEX ix_exposure_files_exposure_id ON exposure_files (exposure_id);

CREATE INDEX ix_exposure_files_night ON exposure_files (instrument, night);

CREATE INDEX ix_exposure_files_state ON exposure_files (instrument, state);

CREATE TABLE exposure_copies (
	file_id BLOB NOT NULL, 
	place_id BLOB NOT NULL, 
	path BLOB NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	mtime_s DOUBLE NOT NULL, 
	since_utc DATETIME NOT NULL, 
	sha256 TEXT, 
	CONSTRAINT pk_exposure_copies PRIMARY KEY (file_id, place_id)
);

CREATE TABLE exposure_places (
	id BLOB NOT NULL, 
	instrument TEXT NOT NULL, 
	variant TEXT NOT NULL, 
	copy TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	is_origin BOOLEAN NOT NULL, 
	host TEXT NOT NULL, 
	address TEXT NOT NULL, 
	root TEXT NOT NULL, 
	machine TEXT NOT NULL, 
	CONSTRAINT pk_exposure_places PRIMARY KEY (id)
);

CREATE INDEX ix_exposure_places_instrument ON exposure_places (instrument);

CREATE TABLE exposure_nights (
	place_id BLOB NOT NULL, 
	night DATE NOT NULL, 
	digest TEXT NOT NULL, 
	exposures BIGINT NOT NULL, 
	CONSTRAINT pk_exposure_nights PRIMARY KEY (place_id, night)
);

CREATE TABLE datastores (
	id INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	root BLOB NOT NULL, 
	CONSTRAINT pk_datastores PRIMARY KEY (id), 
	CONSTRAINT uq_datastores_host UNIQUE (host, root)
);

CREATE TABLE dataset_types (
	id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	name TEXT NOT NULL, 
	keys JSON NOT NULL, 
	exposure TEXT, 
	CONSTRAINT pk_dataset_types PRIMARY KEY (id), 
	CONSTRAINT uq_dataset_types_instrument UNIQUE (instrument, name)
);

CREATE TABLE collections (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	made_utc DATETIME NOT NULL, 
	CONSTRAINT pk_collections PRIMARY KEY (id), 
	CONSTRAINT uq_collections_name UNIQUE (name)
);

CREATE TABLE collection_children (
	parent_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	child_id INTEGER NOT NULL, 
	CONSTRAINT pk_collection_children PRIMARY KEY (parent_id, position), 
	CONSTRAINT fk_collection_children_parent_id FOREIGN KEY(parent_id) REFERENCES collections (id) ON DELETE CASCADE, 
	CONSTRAINT fk_collection_children_child_id FOREIGN KEY(child_id) REFERENCES collections (id)
);

CREATE TABLE ingests (
	id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	datastore_id INTEGER NOT NULL, 
	transfer TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid BIGINT NOT NULL, 
	started_utc DATETIME NOT NULL, 
	finished_utc DATETIME, 
	state TEXT, 
	counts JSON, 
	CONSTRAINT pk_ingests PRIMARY KEY (id), 
	CONSTRAINT fk_ingests_datastore_id FOREIGN KEY(datastore_id) REFERENCES datastores (id) ON DELETE CASCADE
);

CREATE TABLE datasets (
	id BLOB NOT NULL, 
	type_id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	ingest_id INTEGER NOT NULL, 
	datastore_id INTEGER NOT NULL, 
	exposure BIGINT, 
	night DATE, 
	data JSON NOT NULL, 
	data_id TEXT NOT NULL, 
	path BLOB NOT NULL, 
	transfer TEXT NOT NULL, 
	origin BLOB NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	mtime_s DOUBLE NOT NULL, 
	sha256 TEXT, 
	at_utc DATETIME NOT NULL, 
	CONSTRAINT pk_datasets PRIMARY KEY (id), 
	CONSTRAINT uq_datasets_datastore_id UNIQUE (datastore_id, path)
);

CREATE INDEX ix_datasets_origin ON datasets (origin);

CREATE TABLE collection_members (
	id INTEGER NOT NULL, 
	collection_id INTEGER NOT NULL, 
	dataset_id BLOB NOT NULL, 
	type_id INTEGER NOT NULL, 
	data_id TEXT NOT NULL, 
	valid_from_utc DATETIME, 
	valid_until_utc DATETIME, 
	CONSTRAINT pk_collection_members PRIMARY KEY (id), 
	CONSTRAINT fk_collection_members_collection_id FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE, 
	CONSTRAINT fk_collection_members_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id) ON DELETE CASCADE
);

CREATE INDEX ix_collection_members_collection ON collection_members (collection_id, type_id, data_id);

CREATE INDEX ix_collection_members_dataset ON collection_members (dataset_id);

CREATE TABLE holders (
	id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	copy TEXT NOT NULL, 
	host TEXT NOT NULL, 
	root TEXT NOT NULL, 
	CONSTRAINT pk_holders PRIMARY KEY (id), 
	CONSTRAINT uq_holders_instrument UNIQUE (instrument, copy, host, root)
);

CREATE TABLE readings (
	id INTEGER NOT NULL, 
	holder_id INTEGER NOT NULL, 
	at_utc DATETIME NOT NULL, 
	"by" TEXT NOT NULL, 
	marker TEXT, 
	kernel TEXT, 
	CONSTRAINT pk_readings PRIMARY KEY (id), 
	CONSTRAINT fk_readings_holder_id FOREIGN KEY(holder_id) REFERENCES holders (id) ON DELETE CASCADE
);

CREATE INDEX ix_readings_holder_id ON readings (holder_id, at_utc);

CREATE TABLE evidence (
	holder_id INTEGER NOT NULL, 
	path BLOB NOT NULL, 
	night DATE NOT NULL, 
	name BLOB NOT NULL, 
	reading_id INTEGER NOT NULL, 
	sha256 TEXT, 
	size_bytes BIGINT NOT NULL, 
	mtime_s DOUBLE NOT NULL, 
	changed_s DOUBLE, 
	identity TEXT, 
	first_sha256 TEXT NOT NULL, 
	first_utc DATETIME NOT NULL, 
	CONSTRAINT pk_evidence PRIMARY KEY (holder_id, path)
)
 WITHOUT ROWID

;

CREATE INDEX ix_evidence_night ON evidence (holder_id, night);

CREATE TABLE safe_nights (
	holder_id INTEGER NOT NULL, 
	night DATE NOT NULL, 
	state TEXT NOT NULL, 
	files BIGINT NOT NULL, 
	at_utc DATETIME NOT NULL, 
	reason TEXT, 
	CONSTRAINT pk_safe_nights PRIMARY KEY (holder_id, night), 
	CONSTRAINT fk_safe_nights_holder_id FOREIGN KEY(holder_id) REFERENCES holders (id) ON DELETE CASCADE
);

CREATE TABLE confirmations (
	id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	night DATE NOT NULL, 
	kind TEXT NOT NULL, 
	archive TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	at_utc DATETIME NOT NULL, 
	revoked_utc DATETIME, 
	CONSTRAINT pk_confirmations PRIMARY KEY (id)
);

CREATE INDEX ix_confirmations_instrument ON confirmations (instrument, night);

CREATE TABLE confirmed_files (
	confirmation_id INTEGER NOT NULL, 
	name BLOB NOT NULL, 
	sha256 TEXT NOT NULL, 
	CONSTRAINT pk_confirmed_files PRIMARY KEY (confirmation_id, name), 
	CONSTRAINT fk_confirmed_files_confirmation_id FOREIGN KEY(confirmation_id) REFERENCES confirmations (id) ON DELETE CASCADE
);

CREATE TABLE freeings (
	id INTEGER NOT NULL, 
	holder_id INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	proof TEXT, 
	at_utc DATETIME NOT NULL, 
	finished_utc DATETIME, 
	CONSTRAINT pk_freeings PRIMARY KEY (id), 
	CONSTRAINT fk_freeings_holder_id FOREIGN KEY(holder_id) REFERENCES holders (id) ON DELETE CASCADE
);

CREATE INDEX ix_freeings_holder_id ON freeings (holder_id, state);

CREATE TABLE freed_files (
	freeing_id INTEGER NOT NULL, 
	path BLOB NOT NULL, 
	night DATE NOT NULL, 
	name BLOB NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	sha256 TEXT NOT NULL, 
	is_freed BOOLEAN NOT NULL, 
	CONSTRAINT pk_freed_files PRIMARY KEY (freeing_id, path), 
	CONSTRAINT fk_freed_files_freeing_id FOREIGN KEY(freeing_id) REFERENCES freeings (id) ON DELETE CASCADE
);

CREATE TABLE claims (
	instrument TEXT NOT NULL, 
	copy TEXT NOT NULL, 
	night DATE NOT NULL, 
	what TEXT NOT NULL, 
	holds BOOLEAN NOT NULL, 
	at_utc DATETIME, 
	source TEXT NOT NULL, 
	CONSTRAINT pk_claims PRIMARY KEY (instrument, copy, night, what)
);

CREATE TABLE frame_ids (
	series TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	instrument TEXT NOT NULL, 
	night DATE NOT NULL, 
	subject BLOB NOT NULL, 
	sha256 TEXT NOT NULL, 
	allocator TEXT NOT NULL, 
	at_utc DATETIME NOT NULL, 
	CONSTRAINT pk_frame_ids PRIMARY KEY (series, number), 
	CONSTRAINT uq_frame_ids_series UNIQUE (series, instrument, night, subject, sha256)
);

CREATE TABLE exports (
	id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	output TEXT NOT NULL, 
	form TEXT NOT NULL, 
	folder BLOB NOT NULL, 
	archive BLOB NOT NULL, 
	source BLOB NOT NULL, 
	source_size_bytes BIGINT NOT NULL, 
	source_mtime_ns BIGINT NOT NULL, 
	source_sha256 TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	is_done BOOLEAN NOT NULL, 
	frames BIGINT NOT NULL, 
	"before" BIGINT NOT NULL, 
	"after" BIGINT NOT NULL, 
	lost BIGINT NOT NULL, 
	absent_cards BIGINT NOT NULL, 
	telemetry TEXT NOT NULL, 
	has_header BOOLEAN NOT NULL, 
	attempts BIGINT NOT NULL, 
	reason TEXT, 
	at_utc DATETIME NOT NULL, 
	seconds DOUBLE NOT NULL, 
	CONSTRAINT pk_exports PRIMARY KEY (id), 
	CONSTRAINT uq_exports_instrument UNIQUE (instrument, output, folder, form, archive)
);

CREATE TABLE export_products (
	export_id INTEGER NOT NULL, 
	path BLOB NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	sha256 TEXT NOT NULL, 
	CONSTRAINT pk_export_products PRIMARY KEY (export_id, path), 
	CONSTRAINT fk_export_products_export_id FOREIGN KEY(export_id) REFERENCES exports (id) ON DELETE CASCADE
);

CREATE TABLE step_inputs (
	step_id INTEGER NOT NULL, 
	path BLOB NOT NULL, 
	sha256 TEXT NOT NULL, 
	is_consumed BOOLEAN NOT NULL, 
	CONSTRAINT pk_step_inputs PRIMARY KEY (step_id, path), 
	CONSTRAINT fk_step_inputs_step_id FOREIGN KEY(step_id) REFERENCES steps (id) ON DELETE CASCADE
);

CREATE TABLE step_notes (
	step_id INTEGER NOT NULL, 
	facts TEXT, 
	hold TEXT, awaits TEXT, 
	CONSTRAINT pk_step_notes PRIMARY KEY (step_id), 
	CONSTRAINT fk_step_notes_step_id FOREIGN KEY(step_id) REFERENCES steps (id) ON DELETE CASCADE
);

CREATE TABLE letters (
	id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	copy TEXT NOT NULL, 
	step TEXT NOT NULL, 
	subject BLOB NOT NULL, 
	night DATE NOT NULL, 
	content TEXT NOT NULL, 
	made_utc DATETIME NOT NULL, 
	sent_utc DATETIME, 
	CONSTRAINT pk_letters PRIMARY KEY (id)
);

CREATE INDEX ix_letters_instrument ON letters (instrument, sent_utc);

CREATE TABLE approvals (
	id INTEGER NOT NULL, 
	instrument TEXT NOT NULL, 
	copy TEXT NOT NULL, 
	step TEXT NOT NULL, 
	night DATE NOT NULL, 
	digest TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	at_utc DATETIME NOT NULL, 
	CONSTRAINT pk_approvals PRIMARY KEY (id)
);

CREATE INDEX ix_approvals_night ON approvals (instrument, night);

CREATE TABLE known_hashes (
	instrument TEXT NOT NULL, 
	copy TEXT NOT NULL, 
	path BLOB NOT NULL, 
	night DATE NOT NULL, 
	stamp TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	CONSTRAINT pk_known_hashes PRIMARY KEY (instrument, copy, path)
);

CREATE INDEX ix_known_hashes_night ON known_hashes (instrument, copy, night);

CREATE TABLE processed_nights (
	instrument TEXT NOT NULL, 
	copy TEXT NOT NULL, 
	night DATE NOT NULL, 
	labels JSON NOT NULL, 
	at_utc DATETIME NOT NULL, 
	CONSTRAINT pk_processed_nights PRIMARY KEY (instrument, copy, night)
);

CREATE INDEX ix_datasets_exposure ON datasets (type_id, exposure);

CREATE INDEX ix_datasets_night ON datasets (type_id, night, exposure);

CREATE INDEX ix_datasets_run ON datasets (run_id, exposure);

CREATE INDEX ix_hop_runs_instrument ON hop_runs (instrument, hop, run_id);

CREATE TABLE uncarried (
	hop_id INTEGER NOT NULL, 
	path BLOB NOT NULL, 
	night DATE NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	mtime_s DOUBLE NOT NULL, 
	since_utc DATETIME NOT NULL, 
	CONSTRAINT pk_uncarried PRIMARY KEY (hop_id, path), 
	CONSTRAINT fk_uncarried_hop_id FOREIGN KEY(hop_id) REFERENCES hops (id) ON DELETE CASCADE
)
 WITHOUT ROWID


