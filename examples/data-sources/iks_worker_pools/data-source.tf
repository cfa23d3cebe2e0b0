data "iks_worker_pools" "production" {
  cluster = "production"
}
