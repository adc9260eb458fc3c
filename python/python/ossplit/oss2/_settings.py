"""Calls about buckets as a whole: what they are and how they are set up."""

from __future__ import annotations

from typing import Any, Dict, Optional

from . import _schema, http, models, utils
from ._base import Base
from ._schema import simple
from .exceptions import ClientError
from .headers import OSS_CANNED_ACL, OSS_TASK_ID
from .models import RequestResult


class BucketSettings(Base):
    """Settings of a bucket: each has a call that puts, gets or deletes it."""

    bucket_name: str

    def _bucket(self, method: str, params: Optional[Dict[str, Any]] = None, kind: Any = None, **more: Any) -> Any:
        """One request about the bucket; `kind` reads the answer's document."""
        resp = self._do(method, self.bucket_name, "", params=params, **more)
        return RequestResult(resp) if kind is None else self._parse(resp, kind)

    def _put(self, name: str, document: Any, method: str = "PUT", headers: Any = None, **params: Any) -> RequestResult:
        """A document, with its Content-MD5."""
        headers = http.CaseInsensitiveDict(headers)
        headers["Content-MD5"] = utils.content_md5(document or b"")
        done: RequestResult = self._bucket(method, {name: "", **params}, data=document, headers=headers)
        return done

    @staticmethod
    def _document(value: Any, kind: Any) -> Any:
        """A model's document; what is no model is one already."""
        return _schema.document(value) if isinstance(value, kind) else value

    def create_bucket(self, permission: Optional[str] = None, input: Any = None, headers: Any = None) -> RequestResult:
        headers = http.CaseInsensitiveDict(headers)
        if permission:
            headers[OSS_CANNED_ACL] = permission
        document = self._document(input, models.BucketCreateConfig)
        done: RequestResult = self._bucket("PUT", data=document, headers=headers)
        return done

    def delete_bucket(self) -> RequestResult:
        done: RequestResult = self._bucket("DELETE")
        return done

    def put_bucket_acl(self, permission: str) -> RequestResult:
        done: RequestResult = self._bucket("PUT", {"acl": ""}, headers={OSS_CANNED_ACL: permission})
        return done

    def get_bucket_acl(self) -> Any:
        return self._bucket("GET", {"acl": ""}, models.GetBucketAclResult)

    def get_bucket_location(self) -> Any:
        return self._bucket("GET", {"location": ""}, models.GetBucketLocationResult)

    def get_bucket_stat(self) -> Any:
        return self._bucket("GET", {"stat": ""}, models.GetBucketStatResult)

    def get_bucket_info(self) -> Any:
        return self._bucket("GET", {"bucketInfo": ""}, models.GetBucketInfoResult)

    def put_bucket_cors(self, input: Any) -> RequestResult:
        return self._put("cors", self._document(input, models.BucketCors))

    def get_bucket_cors(self) -> Any:
        return self._bucket("GET", {"cors": ""}, models.GetBucketCorsResult)

    def delete_bucket_cors(self) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"cors": ""})
        return done

    def put_bucket_lifecycle(self, input: Any, headers: Any = None) -> RequestResult:
        return self._put("lifecycle", self._document(input, models.BucketLifecycle), headers=headers)

    def get_bucket_lifecycle(self) -> Any:
        return self._bucket("GET", {"lifecycle": ""}, models.GetBucketLifecycleResult)

    def delete_bucket_lifecycle(self) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"lifecycle": ""})
        return done

    def put_bucket_logging(self, input: Any) -> RequestResult:
        return self._put("logging", self._document(input, models.BucketLogging))

    def get_bucket_logging(self) -> Any:
        return self._bucket("GET", {"logging": ""}, models.GetBucketLoggingResult)

    def delete_bucket_logging(self) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"logging": ""})
        return done

    def put_bucket_referer(self, input: Any) -> RequestResult:
        return self._put("referer", self._document(input, models.BucketReferer))

    def get_bucket_referer(self) -> Any:
        return self._bucket("GET", {"referer": ""}, models.GetBucketRefererResult)

    def put_bucket_website(self, input: Any) -> RequestResult:
        return self._put("website", self._document(input, models.BucketWebsite))

    def get_bucket_website(self) -> Any:
        return self._bucket("GET", {"website": ""}, models.GetBucketWebsiteResult)

    def delete_bucket_website(self) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"website": ""})
        return done

    def put_bucket_encryption(self, rule: Any) -> RequestResult:
        return self._put("encryption", self._document(rule, models.ServerSideEncryptionRule))

    def get_bucket_encryption(self) -> Any:
        return self._bucket("GET", {"encryption": ""}, models.GetServerSideEncryptionResult)

    def delete_bucket_encryption(self) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"encryption": ""})
        return done

    def put_bucket_tagging(self, tagging: Any, headers: Any = None) -> RequestResult:
        return self._put("tagging", self._document(tagging, models.Tagging), headers=headers)

    def get_bucket_tagging(self) -> Any:
        return self._bucket("GET", {"tagging": ""}, models.GetTaggingResult)

    def delete_bucket_tagging(self, params: Optional[Dict[str, Any]] = None) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"tagging": "", **(params or {})})
        return done

    def put_bucket_versioning(self, config: Any, headers: Any = None) -> RequestResult:
        return self._put("versioning", self._document(config, models.BucketVersioningConfig), headers=headers)

    def get_bucket_versioning(self) -> Any:
        return self._bucket("GET", {"versioning": ""}, models.GetBucketVersioningResult)

    def put_bucket_policy(self, policy: Any) -> RequestResult:
        return self._put("policy", policy)

    def get_bucket_policy(self) -> models.GetBucketPolicyResult:
        return models.GetBucketPolicyResult(self._do("GET", self.bucket_name, "", params={"policy": ""}))

    def delete_bucket_policy(self) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"policy": ""})
        return done

    def put_bucket_request_payment(self, payer: str) -> RequestResult:
        return self._put("requestPayment", simple("RequestPaymentConfiguration", Payer=payer))

    def get_bucket_request_payment(self) -> Any:
        return self._bucket("GET", {"requestPayment": ""}, models.GetBucketRequestPaymentResult)

    def put_bucket_qos_info(self, bucket_qos_info: Any) -> RequestResult:
        return self._put("qosInfo", self._document(bucket_qos_info, models.BucketQosInfo))

    def get_bucket_qos_info(self) -> Any:
        return self._bucket("GET", {"qosInfo": ""}, models.GetBucketQosInfoResult)

    def delete_bucket_qos_info(self) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"qosInfo": ""})
        return done

    def set_bucket_storage_capacity(self, user_qos: Any) -> RequestResult:
        return self._put("qos", self._document(user_qos, models.BucketUserQos))

    def get_bucket_storage_capacity(self) -> Any:
        return self._bucket("GET", {"qos": ""}, models.GetBucketUserQosResult)

    def put_async_fetch_task(self, task_config: Any) -> Any:
        document = self._document(task_config, models.AsyncFetchTaskConfiguration)
        return self._bucket("POST", {"asyncFetch": ""}, models.PutAsyncFetchTaskResult, data=document,
                            headers={"Content-MD5": utils.content_md5(document)})

    def get_async_fetch_task(self, task_id: str) -> Any:
        return self._bucket("GET", {"asyncFetch": ""}, models.GetAsyncFetchTaskResult, headers={OSS_TASK_ID: task_id})

    def put_bucket_inventory_configuration(self, inventory_configuration: Any) -> RequestResult:
        document = self._document(inventory_configuration, models.InventoryConfiguration)
        return self._put("inventory", document, inventoryId=inventory_configuration.inventory_id)

    def get_bucket_inventory_configuration(self, inventory_id: str) -> Any:
        return self._bucket("GET", {"inventory": "", "inventoryId": inventory_id},
                            models.GetInventoryConfigurationResult)

    def list_bucket_inventory_configurations(self, continuation_token: Optional[str] = None) -> Any:
        return self._bucket("GET", {"inventory": "", "continuation-token": continuation_token},
                            models.ListInventoryConfigurationsResult)

    def delete_bucket_inventory_configuration(self, inventory_id: str) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"inventory": "", "inventoryId": inventory_id})
        return done

    def init_bucket_worm(self, retention_period_days: Optional[int] = None) -> Any:
        document = simple("InitiateWormConfiguration", RetentionPeriodInDays=retention_period_days)
        made = self._bucket("POST", {"worm": ""}, models.InitBucketWormResult, data=document,
                            headers={"Content-MD5": utils.content_md5(document)})
        made.worm_id = made.headers.get("x-oss-worm-id")
        return made

    def abort_bucket_worm(self) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"worm": ""})
        return done

    def complete_bucket_worm(self, worm_id: Optional[str] = None) -> RequestResult:
        done: RequestResult = self._bucket("POST", {"wormId": worm_id})
        return done

    def extend_bucket_worm(self, worm_id: Optional[str] = None,
                           retention_period_days: Optional[int] = None) -> RequestResult:
        document = simple("ExtendWormConfiguration", RetentionPeriodInDays=retention_period_days)
        return self._put("wormExtend", document, "POST", wormId=worm_id)

    def get_bucket_worm(self) -> Any:
        return self._bucket("GET", {"worm": ""}, models.GetBucketWormResult)

    def put_bucket_replication(self, rule: Any) -> RequestResult:
        return self._put("replication", self._document(rule, models.ReplicationRule), "POST", comp="add")

    def get_bucket_replication(self) -> Any:
        return self._bucket("GET", {"replication": ""}, models.GetBucketReplicationResult)

    def delete_bucket_replication(self, rule_id: str) -> RequestResult:
        return self._put("replication", simple("ReplicationRules", ID=rule_id), "POST", comp="delete")

    def get_bucket_replication_location(self) -> Any:
        return self._bucket("GET", {"replicationLocation": ""}, models.GetBucketReplicationLocationResult)

    def get_bucket_replication_progress(self, rule_id: str) -> Any:
        return self._bucket("GET", {"replicationProgress": "", "rule-id": rule_id},
                            models.GetBucketReplicationProgressResult)

    def put_bucket_transfer_acceleration(self, enabled: Any) -> RequestResult:
        return self._put("transferAcceleration", simple("TransferAccelerationConfiguration", Enabled=enabled))

    def get_bucket_transfer_acceleration(self) -> Any:
        return self._bucket("GET", {"transferAcceleration": ""}, models.GetBucketTransferAccelerationResult)

    def create_bucket_cname_token(self, domain: str) -> Any:
        return self._bucket("POST", {"cname": "", "comp": "token"}, models.CreateBucketCnameTokenResult,
                            data=_schema.document(models.PutBucketCnameRequest(domain)))

    def get_bucket_cname_token(self, domain: str) -> Any:
        return self._bucket("GET", {"cname": domain, "comp": "token"}, models.GetBucketCnameTokenResult)

    def put_bucket_cname(self, input: Any) -> RequestResult:
        return self._put("cname", _schema.document(input, models.PutBucketCnameRequest), "POST", comp="add")

    def list_bucket_cname(self) -> Any:
        return self._bucket("GET", {"cname": ""}, models.ListBucketCnameResult)

    def delete_bucket_cname(self, domain: str) -> RequestResult:
        return self._put("cname", _schema.document(models.PutBucketCnameRequest(domain)), "POST", comp="delete")

    def open_bucket_meta_query(self) -> RequestResult:
        done: RequestResult = self._bucket("POST", {"metaQuery": "", "comp": "add"})
        return done

    def get_bucket_meta_query_status(self) -> Any:
        return self._bucket("GET", {"metaQuery": ""}, models.GetBucketMetaQueryResult)

    def do_bucket_meta_query(self, do_meta_query_request: Any) -> Any:
        return self._bucket("POST", {"metaQuery": "", "comp": "query"}, models.DoBucketMetaQueryResult,
                            data=self._document(do_meta_query_request, models.MetaQuery))

    def close_bucket_meta_query(self) -> RequestResult:
        done: RequestResult = self._bucket("POST", {"metaQuery": "", "comp": "delete"})
        return done

    def put_bucket_access_monitor(self, status: str) -> RequestResult:
        return self._put("accessmonitor", simple("AccessMonitorConfiguration", Status=status))

    def get_bucket_access_monitor(self) -> Any:
        return self._bucket("GET", {"accessmonitor": ""}, models.GetBucketAccessMonitorResult)

    def get_bucket_resource_group(self) -> Any:
        return self._bucket("GET", {"resourceGroup": ""}, models.GetBucketResourceGroupResult)

    def put_bucket_resource_group(self, resourceGroupId: str) -> RequestResult:  # noqa: N803 (oss2's name)
        return self._put("resourceGroup", simple("BucketResourceGroupConfiguration", ResourceGroupId=resourceGroupId))

    def put_bucket_style(self, styleName: str, content: str) -> RequestResult:  # noqa: N803 (oss2's name)
        return self._put("style", simple("Style", Content=content), styleName=styleName)

    def get_bucket_style(self, styleName: str) -> Any:  # noqa: N803 (oss2's name)
        return self._bucket("GET", {"style": "", "styleName": styleName}, models.GetBucketStyleResult)

    def list_bucket_style(self) -> Any:
        return self._bucket("GET", {"style": ""}, models.ListBucketStyleResult)

    def delete_bucket_style(self, styleName: str) -> RequestResult:  # noqa: N803 (oss2's name)
        done: RequestResult = self._bucket("DELETE", {"style": "", "styleName": styleName})
        return done

    def put_bucket_callback_policy(self, callbackPolicy: Any) -> RequestResult:  # noqa: N803 (oss2's name)
        policies = getattr(callbackPolicy, "callback_policies", callbackPolicy)
        document = _schema.document(models.CallbackPolicy(list(policies or [])))
        return self._put("policy", document, comp="callback")

    def get_bucket_callback_policy(self) -> Any:
        return self._bucket("GET", {"policy": "", "comp": "callback"}, models.CallbackPolicyResult)

    def delete_bucket_callback_policy(self) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"policy": "", "comp": "callback"})
        return done

    def put_bucket_archive_direct_read(self, enabled: bool = False) -> RequestResult:
        return self._put("bucketArchiveDirectRead", simple("ArchiveDirectReadConfiguration", Enabled=enabled))

    def get_bucket_archive_direct_read(self) -> Any:
        return self._bucket("GET", {"bucketArchiveDirectRead": ""}, models.GetBucketArchiveDirectReadResult)

    def put_bucket_https_config(self, httpsConfig: Any) -> RequestResult:  # noqa: N803 (oss2's name)
        return self._put("httpsConfig", _schema.document(httpsConfig, models.BucketTlsVersion))

    def get_bucket_https_config(self) -> Any:
        return self._bucket("GET", {"httpsConfig": ""}, models.HttpsConfigResult)

    def create_bucket_data_redundancy_transition(self, targetType: str) -> Any:  # noqa: N803 (oss2's name)
        return self._bucket("POST", {"redundancyTransition": "", "x-oss-target-redundancy-type": targetType},
                            models.CreateDataRedundancyTransitionResult)

    def get_bucket_data_redundancy_transition(self, taskId: str) -> Any:  # noqa: N803 (oss2's name)
        return self._bucket("GET", {"redundancyTransition": "", "x-oss-redundancy-transition-taskid": taskId},
                            models.DataRedundancyTransitionInfoResult)

    def delete_bucket_data_redundancy_transition(self, taskId: str) -> RequestResult:  # noqa: N803 (oss2's name)
        done: RequestResult = self._bucket(
            "DELETE", {"redundancyTransition": "", "x-oss-redundancy-transition-taskid": taskId})
        return done

    def list_bucket_data_redundancy_transition(self) -> Any:
        return self._bucket("GET", {"redundancyTransition": ""}, models.ListBucketDataRedundancyTransitionResult)

    def create_access_point(self, accessPoint: Any) -> Any:  # noqa: N803 (oss2's name)
        return self._bucket("PUT", {"accessPoint": ""}, models.CreateAccessPointResult,
                            data=_schema.document(accessPoint, models.CreateAccessPointRequest))

    def get_access_point(self, accessPointName: str) -> Any:  # noqa: N803 (oss2's name)
        return self._bucket("GET", {"accessPoint": ""}, models.GetAccessPointResult, headers=_point(accessPointName))

    def delete_access_point(self, accessPointName: str) -> RequestResult:  # noqa: N803 (oss2's name)
        done: RequestResult = self._bucket("DELETE", {"accessPoint": ""}, headers=_point(accessPointName))
        return done

    def list_bucket_access_points(self, max_keys: int = 100, continuation_token: str = "") -> Any:
        return self._bucket("GET", {"accessPoint": "", "max-keys": max_keys, "continuation-token": continuation_token},
                            models.ListAccessPointResult)

    def put_access_point_policy(self, accessPointName: str, accessPointPolicy: Any) -> RequestResult:  # noqa: N803
        return self._put("accessPointPolicy", accessPointPolicy, headers=_point(accessPointName))

    def get_access_point_policy(self, accessPointName: str) -> models.GetAccessPointPolicyResult:  # noqa: N803
        return models.GetAccessPointPolicyResult(self._do(
            "GET", self.bucket_name, "", params={"accessPointPolicy": ""}, headers=_point(accessPointName)))

    def delete_access_point_policy(self, accessPointName: str) -> RequestResult:  # noqa: N803 (oss2's name)
        done: RequestResult = self._bucket("DELETE", {"accessPointPolicy": ""}, headers=_point(accessPointName))
        return done

    def put_bucket_public_access_block(self, block_public_access: bool = False) -> RequestResult:
        return self._put("publicAccessBlock", _block(block_public_access))

    def get_bucket_public_access_block(self) -> Any:
        return self._bucket("GET", {"publicAccessBlock": ""}, models.GetBucketPublicAccessBlockResult)

    def delete_bucket_public_access_block(self) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"publicAccessBlock": ""})
        return done

    def put_access_point_public_access_block(self, access_point_name: str,
                                             block_public_access: bool = False) -> RequestResult:
        params = {"x-oss-access-point-name": access_point_name}
        return self._put("publicAccessBlock", _block(block_public_access), **params)

    def get_access_point_public_access_block(self, access_point_name: str) -> Any:
        return self._bucket("GET", {"publicAccessBlock": "", "x-oss-access-point-name": access_point_name},
                            models.GetAccessPointPublicAccessBlockResult)

    def delete_access_point_public_access_block(self, access_point_name: str) -> RequestResult:
        done: RequestResult = self._bucket(
            "DELETE", {"publicAccessBlock": "", "x-oss-access-point-name": access_point_name})
        return done

    def put_bucket_requester_qos_info(self, uid: str, qos_configuration: Any) -> RequestResult:
        return self._put("requesterQosInfo", _schema.document(qos_configuration, models.QoSConfiguration),
                         qosRequester=_needed("uid", uid))

    def get_bucket_requester_qos_info(self, uid: str) -> Any:
        return self._bucket("GET", {"requesterQosInfo": "", "qosRequester": _needed("uid", uid)},
                            models.RequesterQoSInfoResult)

    def list_bucket_requester_qos_infos(self, continuation_token: str = "", max_keys: int = 100) -> Any:
        return self._bucket(
            "GET", {"requesterQosInfo": "", "continuation-token": continuation_token, "max-keys": max_keys},
            models.ListBucketRequesterQoSInfosResult)

    def delete_bucket_requester_qos_info(self, uid: str) -> RequestResult:
        done: RequestResult = self._bucket("DELETE", {"requesterQosInfo": "", "qosRequester": _needed("uid", uid)})
        return done


def _point(name: str) -> Dict[str, str]:
    return {"x-oss-access-point-name": name}


def _block(blocked: Any) -> bytes:
    return simple("PublicAccessBlockConfiguration", BlockPublicAccess=blocked)


def _needed(name: str, value: str) -> str:
    if not value:
        raise ClientError(f"{name} should not be empty")
    return value
