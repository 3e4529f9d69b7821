"""How a game declares its state: classes of fields, and the factories that name each field's type."""
