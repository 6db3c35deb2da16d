//! Keyword tables, the word cursor, the scope of names, suggestions.
