"""Events as bytes and as JSON: Avro schemas, their guards, the decoders, and the generator of the fast one."""
