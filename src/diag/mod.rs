//! Source map, spans, diagnostics and their renderer.
