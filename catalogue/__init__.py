"""The database: runs, hops, nights and what was moved; SQLite built in, PostgreSQL by URL."""
