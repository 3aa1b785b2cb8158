<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><xsl:call-template name="heading"/></xsl:template>

<xsl:template name="heading">
  <xsl:choose>
    <xsl:when test="/page/compose/@reply != ''"><w:t id="compose.reply"/></xsl:when>
    <xsl:otherwise><w:t id="compose.title"/></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="compose">
    <div class="sheet">
      <h1><xsl:call-template name="heading"/></h1>
      <xsl:if test="@problem">
        <p class="problem" id="problem" role="alert">
          <xsl:choose>
            <xsl:when test="@problem = 'to'"><w:t id="problem.to"/></xsl:when>
            <xsl:when test="@problem = 'people'"><w:t id="problem.people"/></xsl:when>
            <xsl:when test="@problem = 'recipient' and @guest"><w:t id="problem.recipient-guest" bad="@bad" tenant="/page/@tenant"/></xsl:when>
            <xsl:when test="@problem = 'recipient'"><w:t id="problem.recipient" bad="@bad"/></xsl:when>
            <xsl:when test="@problem = 'subject'"><w:t id="problem.subject"/></xsl:when>
            <xsl:when test="@problem = 'text'"><w:t id="problem.text"/></xsl:when>
            <xsl:when test="@problem = 'empty'"><w:t id="problem.empty"/></xsl:when>
            <xsl:when test="@problem = 'size'"><w:t id="problem.size" most="@most"/></xsl:when>
            <xsl:when test="@problem = 'count'"><w:t id="problem.count"/></xsl:when>
            <xsl:when test="@problem = 'lost'"><w:t id="problem.lost"/></xsl:when>
            <xsl:when test="@problem = 'reply'"><w:t id="problem.reply"/></xsl:when>
            <xsl:otherwise><w:t id="problem.files"/></xsl:otherwise>
          </xsl:choose>
          <xsl:text> </xsl:text>
          <xsl:choose>
            <xsl:when test="upload and not(@plain)"><w:t id="compose.kept-files"/></xsl:when>
            <xsl:when test="upload"><w:t id="compose.kept-some"/></xsl:when>
            <xsl:when test="@plain"><w:t id="compose.kept"/></xsl:when>
            <xsl:otherwise><w:t id="compose.kept-text"/></xsl:otherwise>
          </xsl:choose>
        </p>
      </xsl:if>
      <form id="letter" method="post" action="/compose" enctype="multipart/form-data" data-who="{/page/@address}">
        <xsl:call-template name="csrf"/>
        <input type="hidden" name="form" value="{@form}"/>
        <xsl:if test="@reply != ''"><input type="hidden" name="reply" value="{@reply}"/></xsl:if>
        <div class="field">
          <label for="to"><w:t id="form.to"/></label>
          <xsl:if test="@reply = ''">
            <p class="hint" id="to-hint">
              <xsl:choose>
                <xsl:when test="@guest"><w:t id="compose.to-guest" tenant="/page/@tenant"/></xsl:when>
                <xsl:otherwise><w:t id="compose.to-hint"/></xsl:otherwise>
              </xsl:choose>
            </p>
          </xsl:if>
          <input id="to" name="to" type="text" inputmode="email" autocomplete="off" autocapitalize="none" spellcheck="false" required="required" value="{@to}">
            <xsl:if test="@reply = ''"><xsl:attribute name="aria-describedby">to-hint</xsl:attribute></xsl:if>
            <xsl:if test="@problem = 'to' or @problem = 'people' or @problem = 'recipient'"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
          </input>
        </div>
        <div class="field">
          <label for="subject"><w:t id="form.subject"/></label>
          <input id="subject" name="subject" type="text" autocomplete="off" maxlength="900" dir="auto" value="{subject}">
            <xsl:if test="@problem = 'subject'"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
          </input>
        </div>
        <div class="field">
          <label for="body"><w:t id="form.body"/></label>
          <textarea id="body" name="body" rows="12" dir="auto">
            <xsl:if test="@problem = 'text' or @problem = 'empty'"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
            <xsl:value-of select="body"/>
          </textarea>
        </div>
        <xsl:call-template name="files"/>
        <p class="problem" id="upload-out" role="alert" hidden="hidden">
          <w:t id="upload.out"><w:f name="go"><a href="/login" target="_blank" rel="noopener"><w:t id="upload.out-go"/></a></w:f></w:t>
        </p>
        <p class="problem" id="upload-other" role="alert" hidden="hidden"><w:t id="upload.other" address="/page/@address"/></p>
        <p class="problem" id="upload-failed" role="alert" hidden="hidden"><w:t id="upload.stopped"/></p>
        <p class="note" id="upload-wait" role="status" hidden="hidden">
          <w:t id="upload.wait"/><xsl:text> </xsl:text><button class="link" type="button"><w:t id="upload.wait-not"/></button>
        </p>
        <div class="row">
          <button class="btn" type="submit"><w:t id="compose.send"/></button>
          <span class="quiet"><w:t id="compose.sealed" tenant="/page/@tenant"/></span>
        </div>
      </form>
    </div>
  </xsl:for-each>
</xsl:template>

<!-- Files. As it stands it is for browsers without scripts; upload.js makes more of it, with
     these words. -->
<xsl:template name="files">
  <div class="field" id="upload" data-most="{@file-most}" data-count="{@count-most}" data-slice="{@slice-most}">
    <w:a name="data-hint" id="upload.hint" count="@count-most" most="@file-size"/>
    <w:a name="data-waiting" id="upload.waiting"/>
    <w:a name="data-starting" id="upload.starting"/>
    <w:a name="data-running" id="upload.running" percent="'{percent}'" speed="'{speed}'" left="'{left}'"/>
    <w:a name="data-ready" id="upload.ready"/>
    <w:a name="data-gone" id="upload.gone"/>
    <w:a name="data-busy" id="upload.busy"/>
    <w:a name="data-out" id="upload.paused"/>
    <w:a name="data-big" id="upload.big" most="@file-size"/>
    <w:a name="data-many" id="upload.many" count="@count-most"/>
    <w:a name="data-unsent" id="upload.unsent"/>
    <w:a name="data-unreadable" id="upload.unreadable"/>
    <w:a name="data-refused" id="upload.refused"/>
    <w:a name="data-moment" id="upload.moment"/>
    <w:a name="data-seconds" id="upload.seconds" n="'{n}'"/>
    <w:a name="data-minute" id="upload.minute"/>
    <w:a name="data-minutes" id="upload.minutes" n="'{n}'"/>
    <w:a name="data-hours" id="upload.hours" n="'{n}'"/>
    <w:a name="data-cancel" id="upload.cancel"/>
    <w:a name="data-remove" id="upload.remove"/>
    <w:a name="data-again" id="upload.again"/>
    <w:a name="data-clear" id="upload.clear"/>
    <w:a name="data-named" id="upload.named" what="'{what}'" file="'{file}'"/>
    <w:a name="data-removed" id="upload.removed" file="'{file}'"/>
    <label for="files"><w:t id="form.files"/><xsl:text> </xsl:text><small><w:t id="form.optional"/></small></label>
    <p class="hint" id="files-hint"><w:t id="compose.files-hint" most="@most"/></p>
    <input id="files" name="files" type="file" multiple="multiple" aria-describedby="files-hint">
      <xsl:if test="@problem = 'size' or @problem = 'count' or @problem = 'files' or @problem = 'lost'"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
    </input>
    <ul class="files" id="uploads"><xsl:apply-templates select="upload"/></ul>
    <p class="unseen" id="upload-said" role="status"></p>
    <template id="upload-row">
      <li class="up">
        <b dir="auto"></b>
        <span></span>
        <button class="link" type="button"></button>
        <progress max="1" value="0"></progress>
        <small></small>
        <button class="link again" type="button" hidden="hidden"></button>
      </li>
    </template>
  </div>
</xsl:template>

<xsl:template match="upload">
  <li data-id="{@id}">
    <input type="hidden" name="upload" value="{@id}"/>
    <b dir="auto"><xsl:value-of select="@name"/></b>
    <span><xsl:value-of select="@size"/></span>
    <label class="out"><input type="checkbox" name="remove" value="{@id}"/><xsl:text> </xsl:text><w:t id="upload.leave-out"/><span class="unseen"><xsl:text> </xsl:text><xsl:value-of select="@name"/></span></label>
  </li>
</xsl:template>

</xsl:stylesheet>
