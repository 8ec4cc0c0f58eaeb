"""What one turn does: belief, dialogue graph, language model, conversation log."""
