"""What is held: the catalogue filled, datasets ingested, asked for, checked, removed and handed on."""
