"""The page "Workshop": new VAEs from old."""
