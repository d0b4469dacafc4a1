<?php
// SPDX-License-Identifier: Apache-2.0
namespace Braid\Outbox;

use MediaWiki\MediaWikiServices;
use MediaWiki\Revision\RevisionRecord;
use MediaWiki\User\UserIdentity;
use Title;
use WebRequest;
use WikiMap;
use WikiPage;

/**
 * Makes events of schema mediawiki/page/change/1.2.0.
 *
 * Fields and their meaning are those of Wikimedia's EventBus. What is hidden on the wiki is left
 * out, as EventBus does, and so are the hashes of hidden content, which EventBus leaves in: a hash
 * is enough to confirm a guess.
 */
class EventBuilder {

	private const SCHEMA = '/mediawiki/page/change/1.2.0';

	private const CHANGELOG_KIND = [
		'create' => 'insert',
		'edit' => 'update',
		'move' => 'update',
		'visibility_change' => 'update',
		'delete' => 'delete',
		'undelete' => 'insert',
	];

	/** The fields of every event. $timestamp: when the change was made, in MediaWiki's form. */
	public static function event( string $kind, string $timestamp, Title $title, array $fields ): array {
		global $wgBraidOutboxStream, $wgServerName;
		return [
			'$schema' => self::SCHEMA,
			'meta' => [
				'stream' => $wgBraidOutboxStream,
				'id' => MediaWikiServices::getInstance()->getGlobalIdGenerator()->newUUIDv4(),
				'request_id' => WebRequest::getRequestId(),
				'domain' => $wgServerName,
				'uri' => $title->getCanonicalURL(),
				'dt' => gmdate( 'Y-m-d\TH:i:s' ) . sprintf( '.%03dZ', (int)( fmod( microtime( true ), 1 ) * 1000 ) ),
			],
			'changelog_kind' => self::CHANGELOG_KIND[$kind],
			'page_change_kind' => $kind,
			'dt' => self::dt( $timestamp ),
			'wiki_id' => WikiMap::getCurrentWikiId(),
		] + $fields;
	}

	/** The page as it is after the change. */
	public static function page( WikiPage $page ): array {
		$fields = self::pageOf( $page->getTitle(), $page->getId(), $page->isRedirect() );
		if ( $fields['is_redirect'] && $page->getContent( RevisionRecord::RAW ) ) {
			$target = $page->getContent( RevisionRecord::RAW )->getRedirectTarget();
			if ( $target ) {
				$fields['redirect_page_link'] = self::redirectTarget( $target );
			}
		}
		return $fields;
	}

	public static function pageOf( Title $title, int $pageId, bool $isRedirect ): array {
		return [
			'page_id' => $pageId,
			'page_title' => $title->getPrefixedDBkey(),
			'namespace_id' => $title->getNamespace(),
			'is_redirect' => $isRedirect,
		];
	}

	/** Where a redirect leads. */
	public static function redirectTarget( Title $target ): array {
		if ( $target->isExternal() ) {
			return [
				'page_title' => $target->getDBkey(),
				'interwiki_prefix' => $target->getInterwiki(),
			];
		}
		$fields = [ 'page_title' => $target->getPrefixedDBkey() ];
		if ( $target->canExist() ) {
			$fields['namespace_id'] = $target->getNamespace();
			$fields['is_redirect'] = $target->isRedirect();
			if ( $target->getArticleID() ) {
				$fields['page_id'] = $target->getArticleID();
			}
		}
		return $fields;
	}

	public static function user( UserIdentity $identity ): array {
		$services = MediaWikiServices::getInstance();
		$user = $services->getUserFactory()->newFromUserIdentity( $identity );
		$fields = [
			'user_text' => $user->getName(),
			'groups' => $services->getUserGroupManager()->getUserEffectiveGroups( $user ),
			'is_bot' => $user->isRegistered() && $user->isBot(),
			'is_system' => $user->isSystemUser(),
			'is_temp' => $user->isTemp(),
		];
		if ( $user->isRegistered() ) {
			$fields['user_id'] = $user->getId();
			$fields['edit_count'] = (int)$user->getEditCount();
			if ( $user->getRegistration() ) {
				$fields['registration_dt'] = self::dt( $user->getRegistration() );
			}
		}
		return $fields;
	}

	/** A whole revision, as anyone may see it. */
	public static function revision( RevisionRecord $rev ): array {
		$visible = self::visibility( $rev->getVisibility() );
		$fields = [
			'rev_id' => $rev->getId(),
			'rev_dt' => self::dt( $rev->getTimestamp() ),
			'is_minor_edit' => $rev->isMinor(),
			'rev_size' => $rev->getSize(),
		] + $visible;
		// A revision without a parent has no rev_parent_id in this version of the schema.
		if ( $rev->getParentId() ) {
			$fields['rev_parent_id'] = $rev->getParentId();
		}
		if ( $visible['is_content_visible'] ) {
			$fields['rev_sha1'] = $rev->getSha1();
		}
		// An empty comment is there; a hidden one is not.
		if ( $visible['is_comment_visible'] && $rev->getComment( RevisionRecord::RAW ) ) {
			$fields['comment'] = $rev->getComment( RevisionRecord::RAW )->text;
		}
		if ( $visible['is_editor_visible'] && $rev->getUser( RevisionRecord::RAW ) ) {
			$fields['editor'] = self::user( $rev->getUser( RevisionRecord::RAW ) );
		}
		foreach ( $rev->getSlots()->getSlots() as $role => $slot ) {
			$fields['content_slots'][$role] = self::slot( $slot, $visible['is_content_visible'] );
		}
		return $fields;
	}

	private static function slot( $slot, bool $isVisible ): array {
		$fields = [
			'slot_role' => $slot->getRole(),
			'content_model' => $slot->getModel(),
			'content_format' => $slot->getFormat() ?? MediaWikiServices::getInstance()
				->getContentHandlerFactory()->getContentHandler( $slot->getModel() )->getDefaultFormat(),
			'content_size' => $slot->getSize(),
		];
		if ( $isVisible ) {
			$fields['content_sha1'] = $slot->getSha1();
		}
		if ( $slot->hasOrigin() ) {
			$fields['origin_rev_id'] = $slot->getOrigin();
		}
		return $fields;
	}

	/** What a rev_deleted of $bits lets people see. */
	public static function visibility( int $bits ): array {
		return [
			'is_content_visible' => !( $bits & RevisionRecord::DELETED_TEXT ),
			'is_editor_visible' => !( $bits & RevisionRecord::DELETED_USER ),
			'is_comment_visible' => !( $bits & RevisionRecord::DELETED_COMMENT ),
		];
	}

	private static function dt( string $timestamp ): string {
		return wfTimestamp( TS_ISO_8601, $timestamp );
	}
}
