"""What can be recommended: catalog, encoder, Chroma index, Semantic IDs, search."""
