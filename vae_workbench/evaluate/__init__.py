"""Which VAE is better, over a whole data set: measures of each picture, means with their intervals, paired differences."""
