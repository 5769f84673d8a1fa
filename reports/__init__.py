"""Words, tables, mail and pages for people; the only package that sends."""
