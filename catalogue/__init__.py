"""The database: runs, hops, nights, what was moved and what people decided; SQLite built in, PostgreSQL by URL."""
