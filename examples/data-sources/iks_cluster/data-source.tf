data "iks_cluster" "production" {
  cluster = "production"
}
