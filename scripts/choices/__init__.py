"""Short comparable trainings, one change at a time: how the recipes' choices were made."""
