"""What is true without disk, clock or network: questions, costs, noise, intervals."""
