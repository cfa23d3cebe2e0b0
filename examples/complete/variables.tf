variable "region" {
  description = "IBM Cloud region of the clusters."
  type        = string
  default     = "us-south"
}

variable "classic_cluster" {
  description = "Name or ID of a cluster on classic infrastructure."
  type        = string
}

variable "vpc_cluster" {
  description = "Name or ID of a cluster on VPC."
  type        = string
}

variable "edge_worker_pool" {
  description = "Worker pool that is for networking alone, in both clusters: two workers or more in every zone."
  type        = string
  default     = "edge"
}

variable "public_source_cidrs" {
  description = "IPv4 networks that may come in over the public network of the classic cluster, as far as its policies let them."
  type        = set(string)
  default     = []
}

variable "app" {
  description = "What is exposed: the namespace, the value of the pods' label `app`, and their port. The namespace must exist in both clusters."
  type = object({
    namespace = string
    name      = string
    port      = number
  })
  default = {
    namespace = "default"
    name      = "shop"
    port      = 8080
  }
}
